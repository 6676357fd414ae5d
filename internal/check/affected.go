package check

import (
	"context"
	"errors"
	"path"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/snapshot"
)

// findAffected names the files that can't be restored, in all snapshots.
func (c *checker) findAffected(ctx context.Context) error {
	if len(c.lost) == 0 {
		return nil
	}
	for _, m := range c.manifests {
		if err := c.affectedBelow(ctx, m, "", &m.Root); err != nil {
			return err
		}
		if err := c.affectedNotes(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// affectedNotes names the notes of a snapshot unless all of them can be read.
func (c *checker) affectedNotes(ctx context.Context, m *snapshot.Manifest) error {
	for _, err := range snapshot.ReadNotes(ctx, c, m.Notes) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			c.addAffected(c.findingOf(err, m.Notes), AffectedFile{m.ID, outcome.NotesPath, true})
		}
	}
	return nil
}

// affectedBelow names the files below a directory that can't be restored.
func (c *checker) affectedBelow(ctx context.Context, m *snapshot.Manifest, dir string, parent *snapshot.Entry) error {
	if parent.Problem != "" || c.trees[parent.Subtree] {
		return nil
	}
	for e, err := range snapshot.ReadDir(ctx, c, parent.Subtree) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			c.addAffected(c.findingOf(err, parent.Subtree), AffectedFile{m.ID, dir, true})
			return nil
		}
		full := path.Join(dir, e.Name)
		switch e.Type {
		case snapshot.Dir:
			if err := c.affectedBelow(ctx, m, full, e); err != nil {
				return err
			}
		case snapshot.File:
			c.affectedFile(ctx, AffectedFile{m.ID, full, false}, e)
		}
	}
	return nil
}

// affectedFile adds a file to each finding that affects it, once.
func (c *checker) affectedFile(ctx context.Context, f AffectedFile, e *snapshot.Entry) {
	added := map[int]bool{}
	for chunk, err := range snapshot.Chunks(ctx, c, e, 0) {
		finding, lost := c.lost[chunk.ID]
		if err != nil {
			finding, lost = c.findingOf(err, e.List), true
		}
		if lost && !added[finding] {
			added[finding] = true
			c.addAffected(finding, f)
		}
	}
}

// findingOf returns the finding that explains an error of reading the tree of that id, or
// noFinding.
func (c *checker) findingOf(err error, id chunk.ID) int {
	if lost, ok := errors.AsType[*blob.LostError](err); ok {
		id = lost.ID
	}
	if n, ok := c.lost[id]; ok {
		return n
	}
	return noFinding
}

// addAffected adds a file to a finding.
func (c *checker) addAffected(finding int, file AffectedFile) {
	if finding == noFinding {
		return
	}
	f := &c.report.Findings[finding]
	f.Total++
	if len(f.Files) < maxAffected {
		f.Files = append(f.Files, file)
	}
}
