package repair

import (
	"context"
	"io"
	"maps"
	"runtime"
	"slices"

	"github.com/qsnap/qsnap/internal/check"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/prune"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/pack"
)

// PackOptions say which packs are repaired. The zero value is useful.
type PackOptions struct {
	Packs []pack.ID // that may be damaged; none means all
	// Save is called with the bytes of each damaged pack before it is removed, unless none of
	// them can be read. Bytes that a disk can't read are zeros. It may be nil.
	Save     func(id pack.ID, bytes io.Reader) error
	Workers  int // 0 is as many as processors
	Progress func(outcome.Progress)
}

// A PackReport says what Packs did.
type PackReport struct {
	Damaged  []pack.ID         // that were removed
	Salvaged int64             // blobs that were moved to new packs
	Lost     int64             // blobs that no pack holds any more
	Whole    []pack.ID         // of another repository; left alone
	Denied   []pack.ID         // that may not be read; left alone
	Unread   map[pack.ID]int64 // bytes of damaged packs that can't be read, as far as Save was to keep them
}

// Packs moves all that can be read out of damaged packs, and removes these. The report holds
// what was done even if there is an error.
func Packs(ctx context.Context, e *engine.Engine, o PackOptions) (PackReport, error) {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	fresh, err := engine.Fresh(e)
	if err != nil {
		return PackReport{}, err
	}
	defer engine.Close(fresh)
	s, within, err := write.Begin(ctx, fresh, runs.Pruning, runs.Record{What: "repair"}, pack.Auto, o.Workers)
	if err != nil {
		return PackReport{}, err
	}
	defer s.Close()
	p := &packRepair{e: fresh, s: s, o: o}
	err = s.Cause(p.run(within))
	return p.report, err
}

// A packRepair is one call of Packs.
type packRepair struct {
	e      *engine.Engine // with an index of its own
	s      *write.Session
	o      PackOptions
	report PackReport
}

func (p *packRepair) run(ctx context.Context) error {
	found, err := check.BadPacks(ctx, p.e, check.PackOptions{Packs: p.o.Packs, Workers: p.o.Workers, Progress: p.o.Progress})
	p.report.Whole, p.report.Denied = found.Whole, found.Denied
	if err != nil || len(found.Damaged) == 0 {
		return err
	}
	bad := map[pack.ID]prune.BadPack{}
	for id, segments := range found.Damaged {
		bad[id] = prune.BadPack{Segments: segments}
	}
	done, err := RemovePacks(ctx, p.e, p.s, prune.Removal{Packs: bad, Before: p.save})
	p.report.Damaged, p.report.Salvaged, p.report.Lost = done.Packs, done.Moved, done.Lost
	return err
}

// Removed is what RemovePacks did.
type Removed struct {
	Packs []pack.ID // that were removed
	Moved int64     // blobs that were moved to new packs
	Lost  int64     // blobs that snapshots need and no pack holds
}

// RemovePacks removes damaged packs as prune.Remove does, and then stores which blobs
// snapshots need and no pack holds.
func RemovePacks(ctx context.Context, e *engine.Engine, s *write.Session, r prune.Removal) (done Removed, err error) {
	if done.Moved, err = prune.Remove(ctx, e, s, r); err != nil {
		return done, err
	}
	done.Packs = slices.SortedFunc(maps.Keys(r.Packs), object.Compare)
	if err := reindex(ctx, e); err != nil {
		return done, err
	}
	done.Lost, err = noteLosses(ctx, e)
	return done, err
}

// save gives the bytes of a pack to the caller, who may keep them.
func (p *packRepair) save(ctx context.Context, id pack.ID) error {
	if p.o.Save == nil {
		return nil
	}
	store, name := p.e.Store, object.Packs.Name(id)
	info, err := store.Stat(ctx, name)
	if err != nil {
		return err
	}
	some := store.Salvage(ctx, name, info.Size)
	defer some.Close()
	for buf := make([]byte, 4<<10); some.ReadBytes == 0 && err == nil; {
		_, err = some.Read(buf)
	}
	if err == io.EOF { // none can be read
		p.noteUnread(id, some.Unread)
		return nil
	}
	if err != nil {
		return err
	}
	all := store.Salvage(ctx, name, info.Size)
	defer all.Close()
	err = p.o.Save(id, all)
	p.noteUnread(id, all.Unread)
	return err
}

func (p *packRepair) noteUnread(id pack.ID, n int64) {
	if n == 0 {
		return
	}
	if p.report.Unread == nil {
		p.report.Unread = map[pack.ID]int64{}
	}
	p.report.Unread[id] = n
}
