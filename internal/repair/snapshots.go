package repair

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// SnapshotOptions say what becomes of snapshots that aren't whole.
type SnapshotOptions struct {
	Forget bool // forget them, and remove manifests that can't be read
	DryRun bool // change nothing
	// Lost is called for each file, and each directory with all in it, that can't be
	// restored. It may be nil.
	Lost func(m *snapshot.Manifest, path string, e *snapshot.Entry, why error)
}

// A SnapshotReport says what became of a snapshot that isn't whole.
type SnapshotReport struct {
	Snapshot snapshot.ID
	Repaired *snapshot.Manifest // what was made of it, or nil
	Lost     int64              // files and directories that it lacks
	Err      error              // why the manifest can't be read, or nil
	Kept     bool               // the manifest can't be read, but may be intact, so it is never removed
}

// Snapshots makes, of each snapshot that reaches what no pack holds, one without that. No ids
// means all snapshots. If there is an error, the reports are of the snapshots before the one
// that failed.
func Snapshots(ctx context.Context, e *engine.Engine, ids []snapshot.ID, o SnapshotOptions) ([]SnapshotReport, error) {
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
	r := &snapshotRepair{e: fresh, o: o, there: there, same: map[chunk.ID]bool{}}
	var out []SnapshotReport
	for _, id := range ids {
		one, err := r.repair(ctx, id)
		if err != nil {
			return out, err
		}
		if one != nil {
			out = append(out, *one)
		}
	}
	return out, nil
}

// A snapshotRepair is one call of Snapshots.
type snapshotRepair struct {
	e     *engine.Engine // with an index of its own
	o     SnapshotOptions
	there map[pack.ID]int64
	same  map[chunk.ID]bool // directories all of which can be read
}

// repair returns nil for a snapshot that is whole, or that isn't there.
func (r *snapshotRepair) repair(ctx context.Context, id snapshot.ID) (*SnapshotReport, error) {
	m, err := r.e.Catalog.Read(ctx, id)
	if _, damaged := errors.AsType[*object.DamageError](err); damaged {
		return r.removeUnreadable(ctx, id, err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := &SnapshotReport{Snapshot: id}
	lost := m.Problems
	lost.List = slices.Clip(lost.List)
	b := &rebuilder{e: r.e, same: r.same, drop: r.whyLost, dropped: func(path string, e *snapshot.Entry, why error) {
		out.Lost++
		lost.Add(path, "lost by the repository")
		if r.o.Lost != nil {
			r.o.Lost(m, path, e, why)
		}
	}}
	next, err := republish(ctx, r.e, m, b, change{what: "repair", edit: func(next *snapshot.Manifest) error {
		// A restore must not delete what was lost, as it would if the snapshot never had it.
		if next.Problems = lost; !lost.Complete() {
			next.Rules = nil
		}
		now := []*snapshot.Manifest{m}
		err := r.e.Catalog.Annotated(ctx, now)
		next.Tags = now[0].Tags // as they are now
		return err
	}, dryRun: r.o.DryRun, forget: r.o.Forget})
	if err != nil || out.Lost == 0 {
		return nil, err
	}
	if next.ID != id {
		out.Repaired = next
	} else if r.o.Forget && !r.o.DryRun { // nothing of it is left
		_, err = r.e.Catalog.ForgetAll(ctx, []snapshot.ID{id})
	}
	return out, err
}

// removeUnreadable removes a manifest that can't be read, if it is to be forgotten, unless it
// may be intact.
func (r *snapshotRepair) removeUnreadable(ctx context.Context, id snapshot.ID, why error) (*SnapshotReport, error) {
	name := object.Snapshots.Name(id)
	whole, err := r.e.Store.MatchesName(ctx, name, id)
	if err == nil && whole || errors.Is(err, fs.ErrPermission) {
		return &SnapshotReport{Snapshot: id, Err: why, Kept: true}, nil
	}
	if r.o.Forget && !r.o.DryRun {
		if err := r.e.Store.Remove(ctx, name); err != nil {
			return nil, err
		}
	}
	return &SnapshotReport{Snapshot: id, Err: why}, nil
}

// whyLost returns why a file can't be restored: the first of its chunks that no pack holds.
func (r *snapshotRepair) whyLost(ctx context.Context, path string, file *snapshot.Entry) (why, err error) {
	if file.Type != snapshot.File {
		return nil, nil
	}
	for c, err := range snapshot.Chunks(ctx, r.e.Blobs, file, 0) {
		if lost, ok := errors.AsType[*blob.LostError](err); ok {
			return lost, ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		places, err := r.e.Index.Lookup(c.ID)
		if err != nil {
			return nil, err
		}
		held := false
		for _, at := range places {
			_, ok := r.there[at.Pack.ID]
			held = held || ok
		}
		if !held {
			return &blob.LostError{ID: c.ID}, nil
		}
	}
	return nil, nil
}
