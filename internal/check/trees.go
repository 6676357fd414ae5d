package check

import (
	"context"
	"errors"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// usable returns the places of a blob that have not been found bad, and the finding about
// one that has, or noFinding.
func (c *checker) usable(id chunk.ID) (good []index.Place, finding int, err error) {
	places, err := c.e.Index.Lookup(id)
	finding = noFinding
	for _, p := range places {
		state := c.packs[p.Pack.ID]
		s := p.Pack.Segments[p.Segment]
		if state.bad[int(p.Segment)] || s.Offset+int64(s.Stored) > state.size {
			finding = c.findingAbout(object.Packs.Name(p.Pack.ID))
			continue
		}
		good = append(good, p)
	}
	return good, finding, err
}

// addLost records that a blob can't be read because of a finding. Without one that is damage
// it makes one.
func (c *checker) addLost(id chunk.ID, finding int, what string) {
	if finding == noFinding || !c.report.Findings[finding].Kind.IsDamage() {
		finding = c.add(Lost, id.String(), what)
	}
	c.lost[id] = finding
}

// Tree is part of snapshot.Loader. It records a page that can't be read, which is a
// *blob.LostError.
func (c *checker) Tree(ctx context.Context, id chunk.ID) ([]byte, error) {
	good, finding, err := c.usable(id)
	if err != nil {
		return nil, err
	}
	b, err := c.e.Blobs.FromPlaces(ctx, good, id, true)
	if lost, ok := errors.AsType[*blob.LostError](err); ok {
		if damage, ok := errors.AsType[*pack.DamageError](lost.Err); ok {
			n, err := c.addBadPack(ctx, damage.Pack, damage)
			if err != nil {
				return nil, err
			}
			finding = n
		}
		c.addLost(id, finding, "no pack holds this tree")
	}
	return b, err
}

// walk checks a directory and all in it, unless it was checked before, and reports whether
// all of it can be restored.
func (c *checker) walk(ctx context.Context, dir *snapshot.Entry) (whole bool, err error) {
	if dir.Problem != "" {
		return true, nil
	}
	if whole, seen := c.trees[dir.Subtree]; seen {
		return whole, nil
	}
	whole = true
	for e, err := range snapshot.ReadDir(ctx, c, dir.Subtree) {
		if err != nil {
			if err := c.addUnreadTree(ctx, dir.Subtree, err); err != nil {
				return false, err
			}
			whole = false
			break
		}
		ok := true
		switch e.Type {
		case snapshot.Dir:
			ok, err = c.walk(ctx, e)
		case snapshot.File:
			ok, err = c.checkFile(ctx, e)
		}
		if err != nil {
			return false, err
		}
		whole = whole && ok
	}
	c.trees[dir.Subtree] = whole
	return whole, nil
}

// addUnreadTree records why a tree can't be read. It returns an error that doesn't come from
// the tree itself.
func (c *checker) addUnreadTree(ctx context.Context, id chunk.ID, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, ok := errors.AsType[*blob.LostError](err); ok {
		return nil // Tree has recorded it
	}
	if _, ok := errors.AsType[*pack.DamageError](err); ok || index.IsDamaged(err) || errors.Is(err, seal.ErrNoKey) {
		return err
	}
	c.addLost(id, noFinding, err.Error())
	return nil
}

// checkFile checks that all chunks of a file are in packs, and reports whether they are.
func (c *checker) checkFile(ctx context.Context, e *snapshot.Entry) (whole bool, err error) {
	whole = true
	for chunk, err := range snapshot.Chunks(ctx, c, e, 0) {
		if err != nil {
			return false, c.addUnreadTree(ctx, e.List, err)
		}
		if _, lost := c.lost[chunk.ID]; lost {
			whole = false
			continue
		}
		good, finding, err := c.usable(chunk.ID)
		if err != nil {
			return false, err
		}
		if len(good) == 0 {
			c.addLost(chunk.ID, finding, "no pack holds this chunk")
			whole = false
		} else if good[0].Length != chunk.Length {
			c.addLost(chunk.ID, noFinding, "its length is not the one that a file says")
			whole = false
		}
	}
	return whole, nil
}
