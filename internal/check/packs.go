package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/pack"
)

// A packState is a pack that is on the target, or listed in a delta.
type packState struct {
	listed int64        // its size as a delta lists it, or 0
	size   int64        // on the target, or 0
	bad    map[int]bool // segments that can't be read
}

// packIDs returns the ids of the packs, in order.
func (c *checker) packIDs() []pack.ID {
	return slices.SortedFunc(maps.Keys(c.packs), object.Compare)
}

// readDeltas reads every index delta into the index, and records which packs they list.
func (c *checker) readDeltas(ctx context.Context) error {
	var ids []index.ID
	for info, err := range c.e.Store.List(ctx, object.Deltas) {
		if err != nil {
			return err
		}
		id, ok := object.Deltas.ID(info.Name)
		if !ok {
			c.add(Foreign, info.Name, "its name is not that of an index delta")
			continue
		}
		ids = append(ids, id)
	}
	return c.e.Index.Update(ctx, ids, func(ctx context.Context, id index.ID) (index.Delta, error) {
		d, err := c.e.Blobs.ReadDelta(ctx, id)
		if damage, ok := errors.AsType[*object.DamageError](err); ok {
			c.add(BadDelta, damage.Object, damage.Err.Error())
			return nil, nil
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		for _, p := range d {
			c.packs[p.ID] = &packState{listed: p.Size}
		}
		return d, err
	})
}

// listPacks records the packs that are on the target, and finds those that are listed
// and are missing, or have another size.
func (c *checker) listPacks(ctx context.Context) error {
	for info, err := range c.e.Store.List(ctx, object.Packs) {
		if err != nil {
			return err
		}
		id, ok := object.Packs.ID(info.Name)
		if !ok {
			c.add(Foreign, info.Name, "its name is not that of a pack")
			continue
		}
		if c.packs[id] == nil {
			c.packs[id] = &packState{}
		}
		c.packs[id].size = info.Size
		c.report.Packs++
		c.report.PackBytes += info.Size
	}
	for _, id := range c.packIDs() {
		p := c.packs[id]
		switch {
		case p.size == 0:
			c.add(MissingPack, object.Packs.Name(id), "it is missing, or empty")
		case p.listed != 0 && p.listed != p.size:
			c.add(BadPack, object.Packs.Name(id), fmt.Sprintf("it has %d bytes instead of %d", p.size, p.listed))
		}
	}
	return nil
}

// readUnlisted reads the footers of packs that no delta lists into the index: what they
// hold counts all the same. A pack that is locked is no finding: a prune may have taken it
// out of the deltas because it can't delete it yet.
func (c *checker) readUnlisted(ctx context.Context) error {
	locks := c.e.Store.Locks(c.e.Now)
	for _, id := range c.packIDs() {
		p := c.packs[id]
		if p.listed != 0 || p.size == 0 {
			continue
		}
		info, err := c.e.Blobs.PackInfo(ctx, id, p.size)
		if damage, ok := errors.AsType[*pack.DamageError](err); ok {
			if _, err := c.addBadPack(ctx, id, damage); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		c.e.Index.Add(info)
		until, err := locks.Until(ctx, object.Packs.Name(id))
		if err != nil {
			return err
		}
		if until.IsZero() {
			c.add(Unlisted, object.Packs.Name(id), "no index delta lists it")
		}
	}
	return nil
}

// addBadPack records why a pack, or a segment of it, can't be read, and returns the number
// of the pack's finding. A pack that no delta lists may be gone: a prune takes a pack out of
// the deltas before it deletes it. That is no damage, and may be noFinding.
func (c *checker) addBadPack(ctx context.Context, id pack.ID, why error) (int, error) {
	name := object.Packs.Name(id)
	if c.packs[id].listed == 0 {
		_, err := c.e.Store.Stat(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			return c.findingAbout(name), nil
		}
		if err != nil {
			return noFinding, err
		}
	}
	what := why.Error()
	if damage, ok := errors.AsType[*pack.DamageError](why); ok { // without the pack's id
		what = damage.Err.Error()
		if damage.Part != "" {
			what = damage.Part + ": " + what
		}
	}
	return c.add(BadPack, name, what), nil
}
