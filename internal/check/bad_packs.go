package check

import (
	"context"
	"errors"
	"io/fs"

	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/pack"
)

// PackOptions say which packs BadPacks reads.
type PackOptions struct {
	Packs    []pack.ID // none means all
	Workers  int       // zero is as many as processors
	Progress func(outcome.Progress)
}

// A PackReport names the packs that can't be read as they should, in the order of their ids.
type PackReport struct {
	// Damaged has the damaged packs, with the numbers of their segments that can't be read.
	// There may be none: the damage is then outside of the segments, or nothing says where
	// the segments are.
	Damaged map[pack.ID]map[int]bool
	// Whole have the bytes that their names were made from, and yet the repository's keys
	// don't open them: they are another repository's.
	Whole []pack.ID
	// Denied may not be read (fs.ErrPermission). They may well be whole.
	Denied []pack.ID
}

// BadPacks reads packs whole and returns which of them, and which of their segments, are
// damaged. A pack that is missing isn't among them.
func BadPacks(ctx context.Context, e *engine.Engine, o PackOptions) (PackReport, error) {
	bad := PackReport{Damaged: map[pack.ID]map[int]bool{}}
	c, err := newChecker(e, Options{ReadData: true, Workers: o.Workers, Progress: o.Progress})
	if err != nil {
		return bad, err
	}
	defer c.close()
	if len(o.Packs) > 0 {
		c.only = map[pack.ID]bool{}
		for _, id := range o.Packs {
			c.only[id] = true
		}
	}
	if err := c.do(ctx, c.readDeltas, c.listPacks, c.readUnlisted, c.readPacks); err != nil {
		return bad, err
	}
	for _, id := range c.packIDs() {
		n, found := c.findings[object.Packs.Name(id)]
		if !found || c.report.Findings[n].Kind != BadPack || c.packs[id].size == 0 || c.only != nil && !c.only[id] {
			continue
		}
		whole, err := e.Store.MatchesName(ctx, object.Packs.Name(id), id)
		switch {
		case errors.Is(err, fs.ErrPermission):
			bad.Denied = append(bad.Denied, id)
		case err != nil && !object.IsDamage(err):
			return bad, err
		case whole:
			bad.Whole = append(bad.Whole, id)
		default:
			bad.Damaged[id] = c.packs[id].bad
		}
	}
	return bad, nil
}
