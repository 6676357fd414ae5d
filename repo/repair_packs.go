package repo

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/qsnap/qsnap/internal/check"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/prune"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/pack"
)

// PackRepairOptions say which packs are repaired. The zero value is useful.
type PackRepairOptions struct {
	// Packs are the ids of those that may be damaged. None means that all are read to
	// find out.
	Packs []string
	// Save is called with each damaged pack before it is removed, and may keep its
	// bytes. Those that a disk can't read are zeros; it isn't called for a pack of which
	// none can be read. An error of it ends the repair. It may be nil.
	Save     func(id string, bytes io.Reader) error
	Workers  int // 0 is as many as processors
	Progress func(Progress)
}

// A PackRepair says what RepairPacks did.
type PackRepair struct {
	Damaged  []string `json:"packs_damaged"`  // ids of the packs that were removed
	Salvaged int      `json:"blobs_salvaged"` // chunks and trees that were moved to new packs
	Lost     int      `json:"blobs_lost"`     // chunks and trees that are in no pack any more
	// Whole are ids of packs that this repository's keys don't open, although their bytes
	// are those their names were made from: another repository's. They are left alone.
	Whole []string `json:"packs_of_others"`
	// Denied are ids of packs that may not be read (fs.ErrPermission). They may well be
	// whole, so they are left alone.
	Denied []string `json:"packs_denied"`
	// Unread is how many bytes of a damaged pack can't be read, by its id, as far as Save
	// was to keep them.
	Unread map[string]int64 `json:"bytes_unread" doc:"by the id of a pack"`
}

func repairPacks(ctx context.Context, e *engine.Engine, o PackRepairOptions) (*PackRepair, error) {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	fresh, err := engine.Fresh(e)
	if err != nil {
		return nil, err
	}
	defer engine.Close(fresh)
	session, within, err := write.Begin(ctx, fresh, runs.Pruning, runs.Record{What: "repair"}, pack.Auto, o.Workers)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	s := &salvage{e: fresh, o: o, bad: map[pack.ID]prune.BadPack{}}
	if err := session.Cause(s.run(within, session)); err != nil {
		return nil, err
	}
	return &s.report, nil
}

// A salvage is one run of RepairPacks.
type salvage struct {
	e      *engine.Engine // with an index of its own
	o      PackRepairOptions
	bad    map[pack.ID]prune.BadPack
	report PackRepair
}

func (s *salvage) run(ctx context.Context, session *write.Session) error {
	if err := s.find(ctx); err != nil || len(s.bad) == 0 {
		return err
	}
	moved, err := prune.Remove(ctx, s.e, session, prune.Removal{Packs: s.bad, Before: func(ctx context.Context, id pack.ID) error {
		s.report.Damaged = append(s.report.Damaged, id.String())
		return s.save(ctx, id)
	}})
	s.report.Salvaged = int(moved)
	if err != nil {
		return err
	}
	s.report.Lost, err = noteLossesAnew(ctx, s.e)
	return err
}

// noteLossesAnew notes losses with an index that doesn't know the packs which were
// removed.
func noteLossesAnew(ctx context.Context, e *engine.Engine) (int, error) {
	if err := e.Index.Reset(); err != nil {
		return 0, err
	}
	if err := e.Blobs.Update(ctx, e.Index); err != nil {
		return 0, err
	}
	if _, err := e.Blobs.IndexUnlisted(ctx, e.Index); err != nil {
		return 0, err
	}
	e.Blobs.DropSegments()
	return noteLosses(ctx, e)
}

// find reads packs and notes which are damaged, and where.
func (s *salvage) find(ctx context.Context) error {
	o := check.PackOptions{Workers: s.o.Workers, Progress: progressTo(s.o.Progress)}
	for _, word := range s.o.Packs {
		id, err := pack.ParseID(word[strings.LastIndexByte(word, '/')+1:])
		if err != nil {
			return fmt.Errorf("%q is not the id of a pack", word)
		}
		o.Packs = append(o.Packs, id)
	}
	bad, err := check.BadPacks(ctx, s.e, o)
	for _, id := range bad.Whole {
		s.report.Whole = append(s.report.Whole, id.String())
	}
	for _, id := range bad.Denied {
		s.report.Denied = append(s.report.Denied, id.String())
	}
	for id, segments := range bad.Damaged {
		s.bad[id] = prune.BadPack{Segments: segments}
	}
	return err
}

// save gives the bytes of a pack to who wants to keep them.
func (s *salvage) save(ctx context.Context, id pack.ID) error {
	if s.o.Save == nil {
		return nil
	}
	store, name := s.e.Store, object.Packs.Name(id)
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
		s.noteUnread(id, some.Unread)
		return nil
	}
	if err != nil {
		return err
	}
	all := store.Salvage(ctx, name, info.Size)
	defer all.Close()
	err = s.o.Save(id.String(), all)
	s.noteUnread(id, all.Unread)
	return err
}

func (s *salvage) noteUnread(id pack.ID, n int64) {
	if n == 0 {
		return
	}
	if s.report.Unread == nil {
		s.report.Unread = map[string]int64{}
	}
	s.report.Unread[id.String()] = n
}
