package repo

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/prune"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// deltasOf reads the deltas of a target, and returns the packs that they list; what
// can't be read is left out.
func deltasOf(ctx context.Context, e *engine.Engine) (map[string]index.Delta, error) {
	names, err := listOf(ctx, e.Store, object.Deltas)
	if err != nil {
		return nil, err
	}
	out := map[string]index.Delta{}
	for name := range names {
		id, err := index.ParseID(object.Deltas.Rest(name))
		if err != nil {
			continue
		}
		d, err := e.Blobs.ReadDelta(ctx, id)
		var damage *DamageError
		if errors.As(err, &damage) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNewerKey) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out[name] = d
	}
	return out, nil
}

// mendDeltas lists the packs that are here and that only deltas on the replica list,
// and removes the damaged deltas that this replaces.
func (h *healer) mendDeltas(ctx context.Context) error {
	differ := h.of(object.Deltas)
	if len(differ) == 0 {
		return nil
	}
	here, err := deltasOf(ctx, h.e)
	if err != nil {
		return err
	}
	there, err := deltasOf(ctx, h.there)
	if err != nil {
		return err
	}
	packs, err := h.e.Blobs.Packs(ctx)
	if err != nil {
		return err
	}
	listed := map[pack.ID]bool{}
	for _, d := range here {
		for _, p := range d {
			listed[p.ID] = true
		}
	}
	var anew index.Delta
	var replaced []string
	for _, d := range differ {
		if d.Here == Sound {
			continue
		}
		delta, ok := there[d.Name]
		if !ok {
			h.loseDelta(d)
			continue
		}
		for _, p := range delta {
			if size, isHere := packs[p.ID]; isHere && size == p.Size && !listed[p.ID] {
				listed[p.ID] = true
				anew = append(anew, p)
			}
		}
		if d.Here == Damaged {
			replaced = append(replaced, d.Name)
		}
	}
	if len(anew) > 0 {
		if _, _, err := h.e.Blobs.PutDelta(ctx, anew); err != nil {
			return err
		}
	}
	for _, name := range replaced {
		if err := h.e.Store.Remove(ctx, name); err != nil {
			return err
		}
	}
	if h.report.Deltas = len(replaced); len(anew) > 0 && len(replaced) == 0 {
		h.report.Deltas = 1
	}
	return nil
}

func (h *healer) loseDelta(d Difference) {
	if d.Here == Damaged {
		h.lose(d.Name)
	}
}

// mendPacks stores anew what snapshots here need of packs that are damaged or missing
// here, and removes these.
func (h *healer) mendPacks(ctx context.Context) error {
	bad, err := h.badPacks(ctx)
	if err != nil || len(bad) == 0 {
		return err
	}
	r, err := engine.Fresh(h.e, object.Replica(ReplicaOn("", h.target)))
	if err != nil {
		return err
	}
	defer engine.Close(r)
	session, within, err := write.Begin(ctx, r, runs.Pruning, runs.Record{What: "heal"}, CompressionAuto, h.o.Workers)
	if err != nil {
		return err
	}
	defer session.Close()
	moved, err := prune.Remove(within, r, session, prune.Removal{Packs: bad})
	if err == nil {
		_, err = noteLossesAnew(within, r)
	}
	if err != nil {
		return session.Cause(err)
	}
	h.report.Packs, h.report.Blobs = len(bad), int(moved)
	return nil
}

// badPacks returns the packs to be replaced here, and what they hold: those that are damaged here, and those that aren't here and are listed here,
// or hold something that a snapshot here reaches and no sound pack here does.
func (h *healer) badPacks(ctx context.Context) (bad map[pack.ID]prune.BadPack, err error) {
	bad = map[pack.ID]prune.BadPack{}
	infos := map[pack.ID]*pack.Info{}
	trouble := slices.ContainsFunc(h.of(object.Packs), func(d Difference) bool { return d.Here != Sound })
	if !trouble {
		return bad, nil
	}
	w := &needWalk{h: h, seen: map[chunk.ID]bool{}, needed: map[pack.ID]bool{}}
	if w.e, err = engine.Fresh(h.e, object.Replica(ReplicaOn("", h.target))); err != nil {
		return nil, err
	}
	defer engine.Close(w.e)
	if w.packs, err = h.e.Blobs.Packs(ctx); err != nil {
		return nil, err
	}
	listed := map[pack.ID]bool{} // here
	for _, repo := range []*engine.Engine{h.e, h.there} {
		deltas, err := deltasOf(ctx, repo)
		if err != nil {
			return nil, err
		}
		for _, name := range slices.Sorted(maps.Keys(deltas)) {
			for _, p := range deltas[name] {
				infos[p.ID] = p
				listed[p.ID] = listed[p.ID] || repo == h.e
			}
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(infos), object.Compare) {
		w.e.Index.Add(infos[id])
	}
	if _, err := w.e.Blobs.IndexUnlisted(ctx, w.e.Index); err != nil {
		return nil, err
	}
	if err := w.walk(ctx); err != nil {
		return nil, err
	}
	for _, d := range h.of(object.Packs) {
		id, ok := object.Packs.ID(d.Name)
		if !ok || d.Here == Sound || d.Here == Missing && !w.needed[id] && !listed[id] {
			continue
		}
		if infos[id] == nil && d.There == Sound { // no delta lists it, here or there
			if infos[id], err = readInfoOf(ctx, h.there, d.Name, id); err != nil {
				return nil, err
			}
		}
		if d.There != Sound {
			h.lose(d.Name) // it is for RepairPacks, which keeps a copy
			continue
		}
		bad[id] = prune.BadPack{Info: infos[id]}
	}
	return bad, nil
}

// readInfoOf reads what a pack holds from the pack, given its name.
func readInfoOf(ctx context.Context, e *engine.Engine, name string, id pack.ID) (*pack.Info, error) {
	info, err := e.Store.Stat(ctx, name)
	if err != nil {
		return nil, err
	}
	p, err := e.Blobs.PackInfo(ctx, id, info.Size)
	var damage *pack.DamageError
	if errors.As(err, &damage) {
		return nil, nil
	}
	return p, err
}

// A needWalk finds the packs, of those that aren't sound here, which hold something
// that snapshots here need.
type needWalk struct {
	h      *healer
	e      *engine.Engine // reads here and from the replica, and knows the packs of both
	packs  map[pack.ID]int64
	seen   map[chunk.ID]bool
	needed map[pack.ID]bool
}

func (w *needWalk) walk(ctx context.Context) error {
	all, err := w.h.e.Catalog.List(ctx)
	if err != nil {
		return err
	}
	for _, l := range all {
		m, err := w.e.Catalog.Read(ctx, l.ID)
		var damage *DamageError
		if errors.As(err, &damage) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNewerKey) {
			continue // it is mended or told of elsewhere
		}
		if err != nil {
			return err
		}
		err = snapshot.ReachAll(ctx, needTrees{w.e}, m, func(id chunk.ID, tree bool) (bool, error) {
			if w.seen[id] {
				return false, nil
			}
			w.seen[id] = true
			found, err := w.need(id)
			if err == nil && !found {
				w.h.report.Lost = append(w.h.report.Lost, &LostError{ID: id, Tree: tree})
			}
			return found, err
		})
		if lost := (*LostError)(nil); errors.As(err, &lost) {
			w.h.report.Lost = append(w.h.report.Lost, lost)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// needTrees loads pages as they are found in the index at hand.
type needTrees struct{ e *engine.Engine }

// Tree is part of snapshot.Loader.
func (t needTrees) Tree(ctx context.Context, id chunk.ID) ([]byte, error) {
	places, err := t.e.Index.Lookup(id)
	if err != nil {
		return nil, err
	}
	return t.e.Blobs.FromPlaces(ctx, places, id, true)
}

// need notes a pack that holds a blob, unless one that is sound here does, and reports
// whether there is any.
func (w *needWalk) need(id chunk.ID) (found bool, err error) {
	places, err := w.e.Index.Lookup(id)
	if err != nil {
		return false, err
	}
	var pick *pack.Info
	for _, place := range places {
		d, differs := w.h.states[object.Packs.Name(place.Pack.ID)]
		size, isHere := w.packs[place.Pack.ID]
		switch {
		case isHere && size == place.Pack.Size && (!differs || d.Here == Sound):
			return true, nil
		case differs && d.There == Sound:
			pick = place.Pack
		}
		found = found || isHere // it may be in a part that is sound
	}
	if pick != nil {
		w.needed[pick.ID] = true
	}
	return found || pick != nil, nil
}
