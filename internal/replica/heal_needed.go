package replica

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// neededPacks returns the packs that aren't sound here, are sound on the replica, and hold a
// blob that a snapshot here reaches and no sound pack here has. Blobs that are nowhere are
// reported as lost.
func (h *healer) neededPacks(ctx context.Context, infos map[pack.ID]*pack.Info) (map[pack.ID]bool, error) {
	e, err := h.freshWithReplica()
	if err != nil {
		return nil, err
	}
	defer engine.Close(e)
	w := &needWalk{h: h, e: e, seen: map[chunk.ID]bool{}, needed: map[pack.ID]bool{}}
	if w.packs, err = h.here.Blobs.Packs(ctx); err != nil {
		return nil, err
	}
	for _, id := range slices.SortedFunc(maps.Keys(infos), object.Compare) {
		e.Index.Add(infos[id])
	}
	if _, err := e.Blobs.IndexUnlisted(ctx, e.Index); err != nil {
		return nil, err
	}
	return w.needed, w.run(ctx)
}

// A needWalk walks over all snapshots here and finds the packs that they need from the
// replica.
type needWalk struct {
	h      *healer
	e      *engine.Engine // reads from both; its index knows the packs of both
	packs  map[pack.ID]int64
	seen   map[chunk.ID]bool
	needed map[pack.ID]bool
}

func (w *needWalk) run(ctx context.Context) error {
	all, err := w.h.here.Catalog.List(ctx)
	if err != nil {
		return err
	}
	for _, l := range all {
		m, err := w.e.Catalog.Read(ctx, l.ID)
		if isUnreadable(err) || errors.Is(err, fs.ErrNotExist) {
			continue // repairSnapshots repairs or reports it
		}
		if err != nil {
			return err
		}
		err = snapshot.ReachAll(ctx, indexedTrees{w.e}, m, w.visit)
		if lost, ok := errors.AsType[*blob.LostError](err); ok {
			w.h.report.Lost = append(w.h.report.Lost, lost)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// visit notes that a blob is needed, and reports whether what is beneath it has to be
// visited.
func (w *needWalk) visit(id chunk.ID, tree bool) (bool, error) {
	if w.seen[id] {
		return false, nil
	}
	w.seen[id] = true
	found, err := w.need(id)
	if err == nil && !found {
		w.h.report.Lost = append(w.h.report.Lost, &blob.LostError{ID: id, Tree: tree})
	}
	return found, err
}

// need makes a pack needed that holds a blob, unless one that is sound here holds it, too. It
// reports whether any pack does.
func (w *needWalk) need(id chunk.ID) (found bool, err error) {
	places, err := w.e.Index.Lookup(id)
	if err != nil {
		return false, err
	}
	var there *pack.Info
	for _, place := range places {
		d, differs := w.h.states[object.Packs.Name(place.Pack.ID)]
		size, isHere := w.packs[place.Pack.ID]
		switch {
		case isHere && size == place.Pack.Size && (!differs || d.Here == Sound):
			return true, nil
		case differs && d.There == Sound:
			there = place.Pack
		}
		found = found || isHere // its segment may be sound
	}
	if there != nil {
		w.needed[there.ID] = true
	}
	return found || there != nil, nil
}

// indexedTrees loads pages of trees from where the index of an engine finds them. It never
// reads the index from the target, as blob.Reader does.
type indexedTrees struct{ e *engine.Engine }

// Tree is part of snapshot.Loader.
func (t indexedTrees) Tree(ctx context.Context, id chunk.ID) ([]byte, error) {
	places, err := t.e.Index.Lookup(id)
	if err != nil {
		return nil, err
	}
	return t.e.Blobs.FromPlaces(ctx, places, id, true)
}
