package extract

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// findMeetings finds, before anything is written, which names of the snapshot are one
// name in a destination that doesn't tell case. None of these is restored: one would
// replace the other.
func (x *extraction) findMeetings(ctx context.Context, root *dir) error {
	if x.DryRun {
		return nil // which writes no file to find out
	}
	folds := false
	err := x.dirs.use(root, func(out *disk.Out) (err error) { folds, err = out.FoldsCase(); return err })
	if err != nil || !folds { // where nothing can be written, the restore says so
		return nil
	}
	x.meets = map[string]bool{}
	_, err = x.meetingsIn(ctx, root)
	return err
}

// meetingsIn reports whether anything in a directory, or below it, is to be restored.
func (x *extraction) meetingsIn(ctx context.Context, d *dir) (some bool, err error) {
	seen := map[string]string{}
	for e, err := range snapshot.ReadDir(ctx, x.Source, d.entry.Subtree) {
		if err != nil {
			return some, ctx.Err() // the restore reports what can't be read
		}
		picked, enter := x.pick(d, e)
		path, folded, name := d.join(e.Name), foldCase(e.Name), strings.Clone(e.Name)
		if enter && e.Problem == "" {
			below, err := x.meetingsIn(ctx, &dir{x: x, parent: d, entry: e, path: path, picked: picked})
			if err != nil {
				return some, err
			}
			picked = picked || below
		}
		if !picked || e.Problem != "" {
			continue
		}
		some = true
		first, met := seen[folded]
		if !met {
			seen[folded] = name
			continue
		}
		x.meets[path], x.meets[d.join(first)] = true, true
		x.problem(path, fmt.Errorf("not restored, nor is %q: the destination doesn't tell their names apart; restore each to a directory of its own", d.join(first)))
	}
	return some, nil
}

// foldCase returns the same for names that differ in case only.
func foldCase(name string) string {
	if !utf8.ValidString(name) {
		return name
	}
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, name)
}
