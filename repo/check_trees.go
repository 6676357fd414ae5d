package repo

import (
	"context"
	"errors"
	"path"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// usable returns the places of a blob that have not been found bad, and the
// finding that says what is wrong with another if there is none.
func (c *checker) usable(id chunk.ID) (good []index.Place, finding int, err error) {
	places, err := c.index.Lookup(id)
	finding = -1
	for _, p := range places {
		there := c.packs[p.Pack.ID]
		s := p.Pack.Segments[p.Segment]
		if there.parts[int(p.Segment)] || s.Offset+int64(s.Stored) > there.size {
			finding = c.objects[object.Packs.Name(p.Pack.ID)]
			continue
		}
		good = append(good, p)
	}
	return good, finding, err
}

// lose notes that a blob can't be read, and returns the finding that says why.
func (c *checker) lose(id chunk.ID, finding int, what string) int {
	if finding < 0 {
		finding = c.find(Lost, id.String(), what)
	}
	c.lost[id] = finding
	return finding
}

// Tree is part of snapshot.Loader. A page that can't be read is a *LostError, and
// noted.
func (c *checker) Tree(ctx context.Context, id chunk.ID) ([]byte, error) {
	good, finding, err := c.usable(id)
	if err != nil {
		return nil, err
	}
	b, err := c.e.Blobs.FromPlaces(ctx, good, id, true)
	var lost *LostError
	if errors.As(err, &lost) {
		var damage *pack.DamageError
		if errors.As(lost.Err, &damage) {
			finding = c.find(BadPack, object.Packs.Name(damage.Pack), withoutPack(damage))
		}
		c.lose(id, finding, "no pack holds this tree")
	}
	return b, err
}

// walk checks a directory and all in it, unless it was before, and reports whether
// all of it can be restored.
func (c *checker) walk(ctx context.Context, dir *snapshot.Entry) (well bool, err error) {
	if dir.Problem != "" {
		return true, nil
	}
	if well, seen := c.trees[dir.Subtree]; seen {
		return well, nil
	}
	well = true
	for e, err := range snapshot.ReadDir(ctx, c, dir.Subtree) {
		if err != nil {
			if err := c.treeError(ctx, dir.Subtree, err); err != nil {
				return false, err
			}
			well = false
			break
		}
		ok := true
		switch e.Type {
		case snapshot.Dir:
			ok, err = c.walk(ctx, e)
		case snapshot.File:
			ok, err = c.file(ctx, e)
		}
		if err != nil {
			return false, err
		}
		well = well && ok
	}
	c.trees[dir.Subtree] = well
	return well, nil
}

// treeError notes why a tree can't be read, or returns errors that are no damage.
func (c *checker) treeError(ctx context.Context, id chunk.ID, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if lost := (*LostError)(nil); errors.As(err, &lost) {
		return nil // Tree has noted it
	}
	if damage := (*pack.DamageError)(nil); errors.As(err, &damage) || index.IsDamaged(err) || errors.Is(err, ErrNewerKey) {
		return err
	}
	c.lose(id, -1, err.Error())
	return nil
}

// file checks that all chunks of a file are in packs, and reports whether they are.
func (c *checker) file(ctx context.Context, e *snapshot.Entry) (bool, error) {
	well := true
	for chunk, err := range snapshot.Chunks(ctx, c, e, 0) {
		if err != nil {
			return false, c.treeError(ctx, e.List, err)
		}
		if _, lost := c.lost[chunk.ID]; lost {
			well = false
			continue
		}
		good, finding, err := c.usable(chunk.ID)
		if err != nil {
			return false, err
		}
		if len(good) == 0 {
			c.lose(chunk.ID, finding, "no pack holds this chunk")
			well = false
		} else if good[0].Length != chunk.Length {
			c.lose(chunk.ID, -1, "its length is not the one that a file says")
			well = false
		}
	}
	return well, nil
}

// findAffected names the files that can't be restored, in all snapshots.
func (c *checker) findAffected(ctx context.Context) error {
	if len(c.lost) == 0 {
		return nil
	}
	for _, m := range c.manifests {
		if err := c.affected(ctx, m, "", &m.Root); err != nil {
			return err
		}
		if err := c.notesAffected(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// notesAffected names the notes of a snapshot if not all of them can be read.
func (c *checker) notesAffected(ctx context.Context, m *snapshot.Manifest) error {
	for _, err := range snapshot.ReadNotes(ctx, c, m.Notes) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			c.affect(m, outcome.NotesPath, true, c.findingOf(err, m.Notes))
		}
	}
	return nil
}

// affected looks for them below a directory.
func (c *checker) affected(ctx context.Context, m *snapshot.Manifest, dir string, parent *snapshot.Entry) error {
	if parent.Problem != "" || c.trees[parent.Subtree] {
		return nil
	}
	for e, err := range snapshot.ReadDir(ctx, c, parent.Subtree) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			c.affect(m, dir, true, c.findingOf(err, parent.Subtree))
			return nil
		}
		full := path.Join(dir, e.Name)
		switch e.Type {
		case snapshot.Dir:
			if err := c.affected(ctx, m, full, e); err != nil {
				return err
			}
		case snapshot.File:
			c.affectedFile(ctx, m, full, e)
		}
	}
	return nil
}

// affectedFile notes a file with each finding that touches it, once.
func (c *checker) affectedFile(ctx context.Context, m *snapshot.Manifest, full string, e *snapshot.Entry) {
	noted := map[int]bool{}
	for chunk, err := range snapshot.Chunks(ctx, c, e, 0) {
		finding, lost := c.lost[chunk.ID]
		if err != nil {
			finding, lost = c.findingOf(err, e.List), true
		}
		if lost && !noted[finding] {
			noted[finding] = true
			c.affect(m, full, false, finding)
		}
	}
}

// findingOf returns the finding behind an error of reading a tree of that id.
func (c *checker) findingOf(err error, id chunk.ID) int {
	if lost := (*LostError)(nil); errors.As(err, &lost) {
		id = lost.ID
	}
	if n, ok := c.lost[id]; ok {
		return n
	}
	return -1
}

func (c *checker) affect(m *snapshot.Manifest, full string, dir bool, finding int) {
	if finding < 0 {
		return
	}
	f := &c.report.Findings[finding]
	f.Total++
	if len(f.Files) < maxAffected {
		f.Files = append(f.Files, AffectedFile{m.ID, full, dir})
	}
}
