package capture

import (
	"context"
	"errors"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/source"
	"github.com/qsnap/qsnap/snapshot"
)

// note records something that the snapshot's rules can't repeat.
func (c *capture) note(path string, kind snapshot.NoteKind, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notes = append(c.notes, snapshot.Note{Path: path, Kind: kind, Text: text})
}

// skip records what is left out for a reason that only this run knows.
func (c *capture) skip(path string, kind snapshot.NoteKind, reason string) {
	c.note(path, kind, reason)
	c.skipByRule(path, reason)
}

// skipByRule records what a rule leaves out.
func (c *capture) skipByRule(path, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.result.Skipped.Add(path, reason)
}

// problem records what could not be read completely.
func (c *capture) problem(path string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen[path] {
		return
	}
	if len(c.seen) < 10_000 {
		c.seen[path] = true
	}
	kind := snapshot.NoteProblem
	if errors.Is(err, errChanged) {
		kind = snapshot.NoteChanged
	}
	c.notes = append(c.notes, snapshot.Note{Path: path, Kind: kind, Text: source.Reason(err)})
	c.result.Problems.Add(path, source.Reason(err))
	if c.Problem != nil {
		c.Problem(path, c.located(path, err))
	}
}

// storeNotes stores the notes and sets their root in the result.
func (c *capture) storeNotes(ctx context.Context) (err error) {
	c.result.Notes, err = snapshot.WriteNotes(c.notes, func(page []byte) (chunk.ID, error) { return c.Sink.PutTree(ctx, page) })
	return err
}
