package repo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/check"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
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
	p := newPruner(fresh, PruneOptions{Workers: o.Workers})
	var within context.Context
	if p.s, within, err = write.Begin(ctx, fresh, runs.Pruning, runs.Record{What: "repair"}, pack.Auto, o.Workers); err != nil {
		return nil, err
	}
	defer p.s.Close()
	s := &salvage{p: p, o: o, bad: map[pack.ID]map[int]bool{}, keep: map[chunk.ID]bool{}}
	if err := p.s.Cause(s.run(within)); err != nil {
		return nil, err
	}
	return &s.report, nil
}

// A salvage is one run of RepairPacks.
type salvage struct {
	p      *pruner
	o      PackRepairOptions
	bad    map[pack.ID]map[int]bool // damaged packs and which of their segments are
	infos  map[pack.ID]*pack.Info   // what some of them hold, as known from elsewhere
	keep   map[chunk.ID]bool        // what was moved
	report PackRepair
}

func (s *salvage) run(ctx context.Context) error {
	if err := s.p.collect(ctx); err != nil {
		return err
	}
	if err := s.find(ctx); err != nil || len(s.bad) == 0 {
		return err
	}
	return s.replace(ctx)
}

// replace moves what can be read of the damaged packs to new ones, and removes them.
func (s *salvage) replace(ctx context.Context) error {
	var numbers []int
	data := s.p.s.ChunkWriter()
	damaged := slices.SortedFunc(maps.Keys(s.bad), object.Compare)
	for _, id := range damaged {
		n, err := s.move(ctx, id, data)
		if err != nil {
			return err
		}
		numbers = append(numbers, n)
	}
	if err := data.Flush(ctx); err != nil {
		return err
	}
	if err := s.p.s.Flush(); err != nil {
		return err
	}
	for _, id := range damaged {
		if err := s.save(ctx, id); err != nil {
			return err
		}
		s.report.Damaged = append(s.report.Damaged, pack.ID(id).String())
	}
	// A run that relies on a damaged pack is better off without it: nobody is waited
	// for, and what can't be read keeps nothing.
	s.p.hasty = true
	s.p.needs = func(item index.Item) bool { return s.keep[item.ID] }
	err := s.p.delete(ctx, numbers)
	if err != nil {
		return err
	}
	s.report.Lost, err = noteLossesAnew(ctx, s.p.e)
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
	e.Blobs.Forget()
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
	bad, err := check.BadPacks(ctx, s.p.e, o)
	for _, id := range bad.Whole {
		s.report.Whole = append(s.report.Whole, id.String())
	}
	for _, id := range bad.Denied {
		s.report.Denied = append(s.report.Denied, id.String())
	}
	s.bad = bad.Damaged
	return err
}

// move stores anew what can be read of a damaged pack, and returns its number.
func (s *salvage) move(ctx context.Context, id pack.ID, data interface {
	Put(context.Context, []byte) (chunk.ID, error)
}) (int, error) {
	p := s.p
	n, known := p.numbers[id]
	if !known { // it is unlisted, and doesn't tell what it holds; or it isn't there
		n = len(p.packs)
		p.packs = append(p.packs, packState{info: &pack.Info{ID: id}})
		p.numbers[id] = n
	}
	info, damage := s.infos[id], (*pack.DamageError)(nil)
	var err error
	if info == nil && known {
		info, err = p.e.Blobs.PackInfo(ctx, id, p.packs[n].info.Size)
		if errors.As(err, &damage) {
			info, err = p.e.Blobs.ListedInfo(ctx, id)
		}
	}
	if err != nil || info == nil {
		return n, err
	}
	for _, b := range info.Blobs {
		if s.bad[id][int(b.Segment)] && s.elsewhere(b.ID) {
			continue
		}
		plain, err := p.e.Blobs.FromPlace(ctx, index.Place{Pack: info, Segment: b.Segment, Offset: b.Offset, Length: b.Length}, b.ID, info.IsTree())
		if errors.As(err, &damage) {
			continue
		}
		if err != nil {
			return n, err
		}
		if s.elsewhere(b.ID) {
			continue
		}
		p.s.Repack(b.ID)
		s.keep[b.ID] = true
		s.report.Salvaged++
		if info.IsTree() {
			_, err = p.s.PutTree(ctx, plain)
		} else {
			_, err = data.Put(ctx, plain)
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// elsewhere reports whether a blob is also in a pack that is neither damaged nor in
// quarantine.
func (s *salvage) elsewhere(id chunk.ID) bool {
	places, _ := s.p.e.Index.Lookup(id)
	return slices.ContainsFunc(places, func(place index.Place) bool {
		_, damaged := s.bad[place.Pack.ID]
		_, there := s.p.numbers[place.Pack.ID]
		return there && !damaged && !s.p.banned.Has(place.Pack.ID)
	})
}

// save gives the bytes of a pack to who wants to keep them.
func (s *salvage) save(ctx context.Context, id pack.ID) error {
	if s.o.Save == nil {
		return nil
	}
	store, name := s.p.e.Store, object.Packs.Name(id)
	info, err := store.Stat(ctx, name)
	if err != nil {
		return err
	}
	some := store.Remains(ctx, name, info.Size)
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
	all := store.Remains(ctx, name, info.Size)
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
