package snapshot

import (
	"context"
	"fmt"

	"github.com/qsnap/qsnap/chunk"
)

// DiffContent returns how many bytes of one file are in chunks that the other file lacks,
// or has less often: removed counts those of before, added those of after. A nil entry,
// and an entry that is no file, has no chunks. Holes have no chunks either. DiffContent
// reads the pages of content lists that differ, and holds those of one level at a time.
func DiffContent(ctx context.Context, l Loader, before, after *Entry) (removed, added int64, err error) {
	var t tallies
	if err := t.file(ctx, l, before, -1); err != nil {
		return 0, 0, err
	}
	if err := t.file(ctx, l, after, 1); err != nil {
		return 0, 0, err
	}
	for height := len(t) - 1; height > 0; height-- {
		for id, p := range t[height] {
			if p.count == 0 {
				continue // in both, with all that is beneath
			}
			if err := t.page(ctx, l, id, height, p.count); err != nil {
				return 0, 0, err
			}
		}
		t[height] = nil
	}
	if len(t) > 0 {
		for _, p := range t[0] {
			if p.count < 0 {
				removed -= p.count * int64(p.length)
			} else {
				added += p.count * int64(p.length)
			}
		}
	}
	return removed, added, nil
}

// A tally says how many more of an item there are after than before.
type tally struct {
	count  int64
	length uint64
}

// tallies hold the tallies of chunks, of the pages above them, of the pages above those,
// and so on.
type tallies []map[chunk.ID]tally

func (t *tallies) add(height int, s span, count int64) {
	for len(*t) <= height {
		*t = append(*t, map[chunk.ID]tally{})
	}
	have := (*t)[height][s.id]
	(*t)[height][s.id] = tally{have.count + count, s.length}
}

// file counts what an entry names.
func (t *tallies) file(ctx context.Context, l Loader, e *Entry, count int64) error {
	if e == nil || e.Type != File {
		return nil
	}
	for _, c := range e.Content {
		t.add(0, span{c.ID, uint64(c.Length)}, count)
	}
	if e.List.IsZero() {
		return nil
	}
	level, _, err := loadList(ctx, l, e.List)
	if err == nil {
		t.add(level+1, span{id: e.List}, count)
	}
	return err
}

// page counts what a page of a content list names.
func (t *tallies) page(ctx context.Context, l Loader, id chunk.ID, height int, count int64) error {
	level, spans, err := loadList(ctx, l, id)
	if err == nil && level+1 != height {
		err = fmt.Errorf("content list %s: %w", id.Short(), errList)
	}
	if err != nil {
		return err
	}
	for _, s := range spans {
		t.add(height-1, s, count)
	}
	return nil
}
