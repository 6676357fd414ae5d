package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/capture"
	"github.com/qsnap/qsnap/internal/gate"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

// A session stores chunks and trees that the repository doesn't have, in new
// packs, and lists these in index deltas. It implements capture.Sink.
//
// A chunk is claimed by the first who puts it, until its pack is stored and the
// index knows it. A reader of the target sees packs, then the deltas that list
// them; nothing refers to either before the caller publishes a manifest.
//
// What is in quarantine counts as absent. On which packs the session relies, for
// what it didn't store, it notes: publish looks whether they are still there.
type session struct {
	r     *Repo
	run   seal.Run
	ctx   context.Context // ends when the session fails
	fail  context.CancelCauseFunc
	index *index.Index
	lease *runs.Lease

	completed *checkpoint
	succeeded []string // leases of dead runs that this one takes up

	data, tree packer

	pagesGate gate.Gate
	pages     *lane // of trees; guarded by pagesGate

	mu      sync.Mutex
	claimed map[chunk.ID]bool
	absent  func(pack.ID) bool    // packs not to rely on
	relied  map[pack.ID]bool      // packs that are relied on, or were stored
	repack  map[chunk.ID]struct{} // blobs to be stored again, though they are there
	loose   []*pack.Info          // stored, and not listed in a delta

	cutGate gate.Gate // held by who ends packs before they are full

	uploads sync.WaitGroup
	slots   chan *pack.Buffer     // who holds one may build or upload a pack
	presses chan *pack.Compressor // who holds one may compress
	spares  chan []byte           // and needs one of these, until what it compressed is written

	stats sessionStats
}

type sessionStats struct {
	dataBlobs, treeBlobs   atomic.Uint64
	dataAdded, treeAdded   atomic.Uint64
	dataStored, treeStored atomic.Uint64
	indexStored            atomic.Uint64
}

// Packs that are built or uploaded at the same time: one of data, one of trees, and
// one on its way; more of these where it is far, as long as they find room.
const (
	packsAtOnce    = 3
	farPacksAtOnce = 10
	farPackMemory  = 96 << 20
)

func (r *Repo) packsAtOnce() int {
	if !r.store.Remote() {
		return packsAtOnce
	}
	return int(min(max(farPackMemory/r.config.PackSize, packsAtOnce), farPacksAtOnce))
}

// sparesWritten is how many segments may be on their way to packs while all workers
// compress others.
const sparesWritten = 2

// treeSegment is how large segments of trees are: whoever looks for one file
// reads a few of them.
const treeSegment = 512 << 10

// deltaPacks is how many packs a session stores before it lists them: those of a
// session that dies later needn't be stored again.
const deltaPacks = 64

// newSession begins a run that stores. Its lease says what it is for. Nothing is
// stored if the repository has a newer key than this Repo.
func (r *Repo) newSession(ctx context.Context, kind runs.Kind, what runs.Record, level pack.Level, workers int) (*session, error) {
	if err := r.keys.Current(ctx); err != nil {
		return nil, err
	}
	if _, err := r.store.CreatesOnly(ctx); err != nil {
		return nil, err
	}
	run, err := r.box.NewRun()
	if err != nil {
		return nil, err
	}
	ctx, fail := context.WithCancelCause(ctx)
	s := &session{
		r: r, run: run, ctx: ctx, fail: fail,
		pagesGate: gate.New(), cutGate: gate.New(),
		claimed: map[chunk.ID]bool{}, relied: map[pack.ID]bool{}, repack: map[chunk.ID]struct{}{},
		slots:   make(chan *pack.Buffer, r.packsAtOnce()),
		presses: make(chan *pack.Compressor, workers),
		spares:  make(chan []byte, workers+sparesWritten),
	}
	for range cap(s.spares) {
		s.spares <- nil
	}
	for range cap(s.slots) {
		s.slots <- new(pack.Buffer)
	}
	for range workers {
		press, err := pack.NewCompressor(level)
		if err != nil {
			return nil, err
		}
		s.presses <- press
	}
	s.data = packer{s: s, kind: seal.DataPack, gate: gate.New()}
	s.tree = packer{s: s, kind: seal.TreePack, gate: gate.New()}
	s.pages = &lane{s: s, packer: &s.tree, full: min(r.config.SegmentSize, treeSegment)}
	return s, s.begin(kind, what)
}

// begin writes the lease, and reads the quarantine before the index: what is said
// to be there may be about to go.
func (s *session) begin(kind runs.Kind, what runs.Record) (err error) {
	s.completed = newCheckpoint()
	if s.lease, err = s.r.runs.Begin(s.ctx, s.run, kind, what); err != nil {
		return err
	}
	s.lease.Keep(s.ctx, s.beat)
	quarantine, err := s.r.runs.Quarantined(s.ctx)
	if err == nil {
		s.absent = quarantine.Has
		s.index, err = s.r.blobs.Index(s.ctx)
	}
	if err != nil {
		s.close()
	}
	return err
}

// beat saves a checkpoint, which stores trees, and renews the lease with it. If saving
// fails, the lease has the checkpoint before.
func (s *session) beat(ctx context.Context) {
	if trees, err := s.save(ctx, s.completed); err == nil {
		s.lease.SetTrees(trees)
	}
	_ = s.lease.Renew(ctx) // a beat that is missed costs others nothing, and this run at most an upload
}

// ChunkWriter is part of capture.Sink.
func (s *session) ChunkWriter() capture.ChunkWriter {
	return &lane{s: s, packer: &s.data, full: s.r.config.SegmentSize}
}

// Name is part of capture.Sink.
func (s *session) Name(data []byte) chunk.ID { return s.r.data.ID(data) }

// PutTree is part of capture.Sink.
func (s *session) PutTree(ctx context.Context, page []byte) (chunk.ID, error) {
	if err := s.pagesGate.Enter(ctx); err != nil {
		return chunk.ID{}, err
	}
	defer s.pagesGate.Leave()
	return s.pages.Put(ctx, page)
}

// claim reports whether the caller has to store a blob.
func (s *session) claim(id chunk.ID) bool {
	s.mu.Lock()
	_, again := s.repack[id]
	known := s.claimed[id]
	s.mu.Unlock()
	if known || !again && s.stored(id) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.claimed[id] {
		return false
	}
	delete(s.repack, id)
	s.claimed[id] = true
	return true
}

// stored reports whether a blob is in a pack that can be relied on, and notes that
// it is. Where the index is damaged it may say no for yes, which costs storing a
// blob twice.
func (s *session) stored(id chunk.ID) bool {
	places, _ := s.index.Lookup(id)
	if len(places) == 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range places {
		if !s.absent(p.Pack.ID) {
			s.relied[p.Pack.ID] = true
			return true
		}
	}
	return false
}

// err returns why the session has failed.
func (s *session) err() error {
	if s.ctx.Err() == nil {
		return nil
	}
	return context.Cause(s.ctx)
}

// flush stores all that was put, and lists it.
func (s *session) flush() error {
	if err := s.cutGate.Enter(s.ctx); err != nil {
		return err
	}
	defer s.cutGate.Leave()
	if err := s.flushPages(s.ctx); err != nil {
		return err
	}
	s.data.end()
	s.tree.end()
	s.uploads.Wait()
	if err := s.err(); err != nil {
		return err
	}
	return s.list()
}

func (s *session) flushPages(ctx context.Context) error {
	if err := s.pagesGate.Enter(ctx); err != nil {
		return err
	}
	defer s.pagesGate.Leave()
	return s.pages.Flush(ctx)
}

// close gives up what flush hasn't stored, and the lease. Nobody may be storing.
func (s *session) close() {
	s.fail(errors.New("the session has ended"))
	for _, p := range []*packer{&s.data, &s.tree} {
		_, _ = p.cut(context.Background()) // a checkpoint may be cutting, and soon gives up
	}
	s.uploads.Wait()
	s.lease.Release(s.ctx)
}

// upload stores a pack that is complete, and gives back its spool.
func (s *session) upload(p *openPack) {
	defer s.uploads.Done()
	defer close(p.stored)
	defer func() { s.slots <- p.slot }()
	if s.ctx.Err() != nil {
		p.spool.Discard()
		return
	}
	info, err := p.builder.Finish()
	if err == nil {
		err = s.putPack(info, p.spool)
	}
	if err == nil {
		s.keepTrees(info, p.spool)
	}
	err = object.Join(err, p.spool.Discard())
	if err != nil {
		s.fail(fmt.Errorf("store pack: %w", err))
		return
	}
	stored := &s.stats.dataStored
	if info.IsTree() {
		stored = &s.stats.treeStored
	}
	stored.Add(uint64(info.Size))
	if err := s.note(info); err != nil {
		s.fail(err)
	}
}

// note makes known a pack that was stored, and lists what is to be listed.
func (s *session) note(info *pack.Info) error {
	s.index.Add(info)
	s.mu.Lock()
	s.relied[info.ID] = true
	for i := range info.Blobs {
		delete(s.claimed, info.Blobs[i].ID)
	}
	s.loose = append(s.loose, info)
	due := len(s.loose) >= deltaPacks || s.index.NeedsFlush() && s.r.dry == nil
	s.mu.Unlock()
	if due {
		return s.list()
	}
	return nil
}

// putPack stores a pack. One that is there already, as after a Put that succeeded
// and was reported as failed, has to be whole.
func (s *session) putPack(info *pack.Info, spool object.Spool) error {
	if s.r.config.Twin != "" { // so that nobody can use its name again
		if _, err := s.r.claimName(s.ctx, info.ID); err != nil {
			return err
		}
	}
	return s.commitPack(info, spool)
}

// commitPack stores a pack whose name is ours.
func (s *session) commitPack(info *pack.Info, spool object.Spool) error {
	err := spool.Commit(s.ctx, object.Packs.Name(info.ID), info.Size)
	if errors.Is(err, fs.ErrExist) {
		var there pack.ID
		if there, err = s.r.blobs.PackHash(s.ctx, info.ID); err == nil && there != info.ID {
			err = &DamageError{Object: object.Packs.Name(info.ID), Err: object.ErrHash}
		}
	}
	return err
}

// list stores a delta of the packs that are in none.
func (s *session) list() error {
	s.mu.Lock()
	d := index.Delta(s.loose)
	s.loose = nil
	s.mu.Unlock()
	if len(d) == 0 {
		return nil
	}
	id, size, err := s.r.blobs.PutDelta(s.ctx, d)
	if err != nil {
		return err
	}
	s.stats.indexStored.Add(uint64(size))
	if s.r.dry != nil {
		return nil // the index must not know what isn't there
	}
	s.index.MarkListed(id, d)
	_ = s.index.Flush() // where the cache can't be written, memory serves
	return nil
}
