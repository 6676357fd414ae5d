package repo

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// SnapshotRepairOptions say what becomes of snapshots that aren't whole.
type SnapshotRepairOptions struct {
	Forget bool // forget them, and remove manifests that can't be read
	DryRun bool // change nothing
	// Lost is called for each file, and each directory with all in it, that can't be
	// restored. It may be nil.
	Lost func(m *snapshot.Manifest, path string, e *snapshot.Entry, why error)
}

// A SnapshotRepair says what became of a snapshot that isn't whole.
type SnapshotRepair struct {
	Snapshot snapshot.ID        `json:"snapshot_id"`
	Repaired *snapshot.Manifest `json:"-"`              // what was made of it, or nil: nothing of it can be read
	Lost     int                `json:"lost"`           // files and directories that it lacks
	Err      error              `json:"-"`              // why the manifest can't be read, or nil
	Kept     bool               `json:"kept,omitempty"` // it can't be read and is never removed: it is another's, or may not be read
}

func repairSnapshots(ctx context.Context, e *engine.Engine, o SnapshotRepairOptions, ids ...snapshot.ID) ([]SnapshotRepair, error) {
	if err := e.Keys.Current(ctx); err != nil {
		return nil, err
	}
	fresh, err := engine.Fresh(e)
	if err != nil {
		return nil, err
	}
	defer engine.Close(fresh)
	if err := fresh.Blobs.Update(ctx, fresh.Index); err != nil {
		return nil, err
	}
	if _, err := fresh.Blobs.IndexUnlisted(ctx, fresh.Index); err != nil {
		return nil, err
	}
	there, err := fresh.Blobs.Packs(ctx)
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		all, err := e.Catalog.List(ctx)
		if err != nil {
			return nil, err
		}
		for _, l := range all {
			ids = append(ids, l.ID)
		}
	}
	var out []SnapshotRepair
	same := map[chunk.ID]bool{}
	for _, id := range ids {
		one, err := repairSnapshot(ctx, fresh, id, o, there, same)
		if err != nil {
			return out, err
		}
		if one != nil {
			out = append(out, *one)
		}
	}
	return out, nil
}

// repairSnapshot returns nil for one that is whole.
func repairSnapshot(ctx context.Context, e *engine.Engine, id snapshot.ID, o SnapshotRepairOptions, there map[pack.ID]int64, same map[chunk.ID]bool) (*SnapshotRepair, error) {
	out := &SnapshotRepair{Snapshot: id}
	m, err := e.Catalog.Read(ctx, id)
	var damage *DamageError
	if errors.As(err, &damage) {
		out.Err = err
		whole, unread := e.Store.MatchesName(ctx, object.Snapshots.Name(id), id)
		// Another repository's is not this one's to remove, and what may not be read may well
		// be whole.
		if unread == nil && whole || errors.Is(unread, fs.ErrPermission) {
			out.Kept = true
			return out, nil
		}
		if o.Forget && !o.DryRun {
			err := e.Store.Delete(ctx, object.Snapshots.Name(id))
			if errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
			return out, err
		}
		return out, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	lost := m.Problems
	lost.List = slices.Clip(lost.List)
	b := &rebuilder{e: e, same: same, drop: dropLost(e, there), dropped: func(path string, e *snapshot.Entry, why error) {
		out.Lost++
		lost.Add(path, "lost by the repository")
		if o.Lost != nil {
			o.Lost(m, path, e, why)
		}
	}}
	next, err := remake(ctx, e, m, b, remaking{what: "repair", edit: func(next *snapshot.Manifest) {
		// A restore must not take what was lost for what was never there.
		if next.Problems = lost; !lost.Complete() {
			next.Rules = nil
		}
	}, dryRun: o.DryRun, forget: o.Forget})
	if err != nil || out.Lost == 0 {
		return nil, err
	}
	if next.ID != id {
		out.Repaired = next
	} else if o.Forget && !o.DryRun { // nothing of it is left
		_, err = e.Catalog.ForgetAll(ctx, []snapshot.ID{id})
	}
	return out, err
}

// dropLost returns what drops files that no pack holds.
func dropLost(e *engine.Engine, there map[pack.ID]int64) func(context.Context, string, *snapshot.Entry) (why, err error) {
	return func(ctx context.Context, path string, file *snapshot.Entry) (why, err error) {
		if file.Type != snapshot.File {
			return nil, nil
		}
		for c, err := range snapshot.Chunks(ctx, e.Blobs, file, 0) {
			var lost *LostError
			if errors.As(err, &lost) {
				return lost, ctx.Err()
			}
			if err != nil {
				return nil, err
			}
			places, err := e.Index.Lookup(c.ID)
			if err != nil {
				return nil, err
			}
			held := false
			for _, p := range places {
				_, ok := there[p.Pack.ID]
				held = held || ok
			}
			if !held {
				return &LostError{ID: c.ID}, nil
			}
		}
		return nil, nil
	}
}
