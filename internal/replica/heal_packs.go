package replica

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/prune"
	"github.com/qsnap/qsnap/internal/repair"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/target"
)

// repairPacks stores the needed blobs of packs that are damaged or missing here in new packs,
// and deletes the old ones.
func (h *healer) repairPacks(ctx context.Context) error {
	if !slices.ContainsFunc(h.differences(object.Packs), func(d Difference) bool { return d.Here != Sound }) {
		return nil
	}
	bad, err := h.badPacks(ctx)
	if err != nil || len(bad) == 0 {
		return err
	}
	e, err := h.freshWithReplica()
	if err != nil {
		return err
	}
	defer engine.Close(e)
	session, within, err := write.Begin(ctx, e, runs.Pruning, runs.Record{What: "heal"}, pack.Auto, h.o.Workers)
	if err != nil {
		return err
	}
	defer session.Close()
	done, err := repair.RemovePacks(within, e, session, prune.Removal{Packs: bad})
	h.report.Packs, h.report.Blobs = int64(len(done.Packs)), done.Moved
	return session.Cause(err)
}

// freshWithReplica returns the repository with an index of its own, and reads from the replica
// what it can't read here.
func (h *healer) freshWithReplica() (*engine.Engine, error) {
	open := func(context.Context) (target.Target, error) { return h.target, nil }
	return engine.Fresh(h.here, object.Replica{Open: open})
}

// badPacks returns the packs to be replaced here. These are the packs that are damaged here;
// and of those that are missing here the ones that a delta here lists, or that hold a blob
// which a snapshot here reaches and no sound pack here has. A pack that isn't sound on the
// replica either is left to RepairPacks, which keeps a copy.
func (h *healer) badPacks(ctx context.Context) (map[pack.ID]prune.BadPack, error) {
	infos, listed, err := h.listedPacks(ctx)
	if err != nil {
		return nil, err
	}
	needed, err := h.neededPacks(ctx, infos)
	if err != nil {
		return nil, err
	}
	bad := map[pack.ID]prune.BadPack{}
	for _, d := range h.differences(object.Packs) {
		id, ok := object.Packs.ID(d.Name)
		if !ok || d.Here == Sound || d.Here == Missing && !needed[id] && !listed[id] {
			continue
		}
		if d.There != Sound {
			h.reportLost(d.Name)
			continue
		}
		if infos[id] == nil { // no delta lists it, on either
			if infos[id], err = readInfo(ctx, h.there, d.Name, id); err != nil {
				return nil, err
			}
		}
		bad[id] = prune.BadPack{Info: infos[id]}
	}
	return bad, nil
}

// listedPacks returns the packs that deltas list, here or on the replica, and which of them
// deltas here list.
func (h *healer) listedPacks(ctx context.Context) (infos map[pack.ID]*pack.Info, here map[pack.ID]bool, err error) {
	infos, here = map[pack.ID]*pack.Info{}, map[pack.ID]bool{}
	for _, e := range []*engine.Engine{h.here, h.there} {
		deltas, err := readDeltas(ctx, e)
		if err != nil {
			return nil, nil, err
		}
		for _, name := range slices.Sorted(maps.Keys(deltas)) {
			for _, p := range deltas[name] {
				infos[p.ID] = p
				here[p.ID] = here[p.ID] || e == h.here
			}
		}
	}
	return infos, here, nil
}

// readInfo reads from a pack what it holds. It returns nil if the pack doesn't say.
func readInfo(ctx context.Context, e *engine.Engine, name string, id pack.ID) (*pack.Info, error) {
	stat, err := e.Store.Stat(ctx, name)
	if err != nil {
		return nil, err
	}
	info, err := e.Blobs.PackInfo(ctx, id, stat.Size)
	if _, damaged := errors.AsType[*pack.DamageError](err); damaged {
		return nil, nil
	}
	return info, err
}
