package replica

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/snapshot"
)

// sortByAge sorts the names of snapshots, the oldest first. Those that can't be read are
// last.
func sortByAge(ctx context.Context, e *engine.Engine, names []string) error {
	known := map[string]*snapshot.Manifest{}
	for _, name := range names {
		id, err := snapshot.ParseID(object.Snapshots.Rest(name))
		if err != nil {
			continue
		}
		m, err := e.Catalog.Read(ctx, id)
		if err != nil && !isUnreadable(err) && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil {
			known[name] = m
		}
	}
	place := map[string]int{}
	for i, p := range snapshot.Order(slices.Collect(maps.Values(known)), e.Now()) {
		place[object.Snapshots.Name(p.ID)] = i - len(known) // before those that can't be read
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(place[a], place[b]), strings.Compare(a, b))
	})
	return nil
}

// isUnreadable reports whether an object can't be read because it is damaged, or because
// it is sealed with a key that is newer than those at hand.
func isUnreadable(err error) bool {
	_, damaged := errors.AsType[*object.DamageError](err)
	return damaged || errors.Is(err, seal.ErrNoKey)
}

// broughtBack returns which of the snapshots are there under another id, too, as Heal and
// Undelete leave them.
func broughtBack(ctx context.Context, e *engine.Engine, names []string) (map[string]bool, error) {
	out := map[string]bool{}
	if len(names) == 0 {
		return out, nil
	}
	all, _, err := e.Catalog.Stored(ctx) // a damaged manifest brings nothing back
	if err != nil {
		return nil, err
	}
	byID := map[snapshot.ID]*snapshot.Manifest{}
	for _, m := range all {
		byID[m.ID] = m
	}
	for _, m := range all {
		original, ok := byID[m.Original]
		if name := object.Snapshots.Name(m.Original); ok && original.Root.Subtree == m.Root.Subtree && slices.Contains(names, name) {
			out[name] = true
		}
	}
	return out, nil
}
