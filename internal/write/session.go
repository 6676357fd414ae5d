package write

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/capture"
	"github.com/qsnap/qsnap/internal/ctxmutex"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

// A Session stores chunks and trees that the repository doesn't have, in new
// packs, and lists these in index deltas. It implements capture.Sink.
//
// A chunk is claimed by the first who puts it, until its pack is stored and the
// index knows it. A reader of the target sees packs, then the deltas that list
// them; nothing refers to either before the caller publishes a manifest.
//
// What is in quarantine counts as absent. On which packs the session relies, for
// what it didn't store, it notes: publish looks whether they are still there.
type Session struct {
	e   *engine.Engine
	Run seal.Run // of its lease, and of all that it stores

	outer context.Context
	ctx   context.Context // ends when the session fails
	fail  context.CancelCauseFunc
	index *index.Index
	lease *runs.Lease

	completed    *checkpoint
	predecessors []string // leases of dead runs that this one takes up

	data, tree packer

	pagesMu ctxmutex.Mutex
	pages   *lane // of trees; guarded by pagesMu

	mu      sync.Mutex
	claimed map[chunk.ID]bool
	absent  func(pack.ID) bool    // packs not to rely on
	relied  map[pack.ID]bool      // packs that are relied on, or were stored
	forced  map[chunk.ID]struct{} // blobs to be stored again, though they are there
	loose   []*pack.Info          // stored, and not listed in a delta

	cutMu ctxmutex.Mutex // held by who ends packs before they are full

	uploads sync.WaitGroup
	slots   chan *pack.Buffer     // who holds one may build or upload a pack
	presses chan *pack.Compressor // who holds one may compress
	spares  chan []byte           // and needs one of these, until what it compressed is written

	counts counters
}

// counters count what a session stores, while it does.
type counters struct {
	dataBlobs, treeBlobs   atomic.Uint64
	dataAdded, treeAdded   atomic.Uint64
	dataStored, treeStored atomic.Uint64
	indexStored            atomic.Uint64
}

// Counts are what a session has stored so far.
type Counts struct {
	DataBlobs, TreeBlobs   uint64
	DataAdded, TreeAdded   uint64 // bytes of them
	DataStored, TreeStored uint64 // bytes of packs
	IndexStored            uint64 // bytes
}

// Counts returns what was stored so far.
func (s *Session) Counts() Counts {
	c := &s.counts
	return Counts{
		DataBlobs: c.dataBlobs.Load(), TreeBlobs: c.treeBlobs.Load(),
		DataAdded: c.dataAdded.Load(), TreeAdded: c.treeAdded.Load(),
		DataStored: c.dataStored.Load(), TreeStored: c.treeStored.Load(), IndexStored: c.indexStored.Load(),
	}
}

// Packs that are built or uploaded at the same time: one of data, one of trees, and
// one on its way; more of these where it is far, as long as they find room.
const (
	packsAtOnce    = 3
	farPacksAtOnce = 10
	FarPackMemory  = 96 << 20
)

func parallelPacks(e *engine.Engine) int {
	if !e.Store.Remote() {
		return packsAtOnce
	}
	return int(min(max(FarPackMemory/e.Config.PackSize, packsAtOnce), farPacksAtOnce))
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

// Begin begins a run that stores, whose lease says what it is for. The context that it
// returns ends when the session fails. Nothing is stored if the repository has a newer key
// than it was opened with.
func Begin(outer context.Context, e *engine.Engine, kind runs.Kind, what runs.Record, level pack.Level, workers int) (*Session, context.Context, error) {
	if err := e.Keys.Current(outer); err != nil {
		return nil, nil, err
	}
	if _, err := e.Store.CreatesOnly(outer); err != nil {
		return nil, nil, err
	}
	run, err := e.Sealer.NewRun()
	if err != nil {
		return nil, nil, err
	}
	ctx, fail := context.WithCancelCause(outer)
	s := &Session{
		e: e, Run: run, outer: outer, ctx: ctx, fail: fail,
		pagesMu: ctxmutex.New(), cutMu: ctxmutex.New(),
		claimed: map[chunk.ID]bool{}, relied: map[pack.ID]bool{}, forced: map[chunk.ID]struct{}{},
		slots:   make(chan *pack.Buffer, parallelPacks(e)),
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
			return nil, nil, err
		}
		s.presses <- press
	}
	s.data = packer{s: s, kind: seal.DataPack, mu: ctxmutex.New()}
	s.tree = packer{s: s, kind: seal.TreePack, mu: ctxmutex.New()}
	s.pages = &lane{s: s, packer: &s.tree, full: min(e.Config.SegmentSize, treeSegment)}
	return s, ctx, s.begin(kind, what)
}

// begin writes the lease, and reads the quarantine before the index: what is said
// to be there may be about to go.
func (s *Session) begin(kind runs.Kind, what runs.Record) (err error) {
	s.completed = newCheckpoint()
	if s.lease, err = s.e.Runs.Begin(s.ctx, s.Run, kind, what); err != nil {
		return err
	}
	s.lease.Keep(s.ctx, s.beat)
	quarantine, err := s.e.Runs.Quarantined(s.ctx)
	if err == nil {
		s.absent = quarantine.Has
		s.index, err = s.e.Blobs.Index(s.ctx)
	}
	if err != nil {
		s.Close()
	}
	return err
}

// beat saves a checkpoint, which stores trees, and renews the lease with it. If saving
// fails, the lease has the checkpoint before.
func (s *Session) beat(ctx context.Context) {
	if trees, err := s.save(ctx, s.completed); err == nil {
		s.lease.SetTrees(trees)
	}
	s.lease.Beat(ctx)
}

// ChunkWriter is part of capture.Sink.
func (s *Session) ChunkWriter() capture.ChunkWriter {
	return &lane{s: s, packer: &s.data, full: s.e.Config.SegmentSize}
}

// Name is part of capture.Sink.
func (s *Session) Name(data []byte) chunk.ID { return s.e.Data.ID(data) }

// PutTree is part of capture.Sink.
func (s *Session) PutTree(ctx context.Context, page []byte) (chunk.ID, error) {
	if err := s.pagesMu.Lock(ctx); err != nil {
		return chunk.ID{}, err
	}
	defer s.pagesMu.Unlock()
	return s.pages.Put(ctx, page)
}

// claim reports whether the caller has to store a blob.
func (s *Session) claim(id chunk.ID) bool {
	s.mu.Lock()
	_, again := s.forced[id]
	known := s.claimed[id]
	s.mu.Unlock()
	if known || !again && s.Has(id) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.claimed[id] {
		return false
	}
	delete(s.forced, id)
	s.claimed[id] = true
	return true
}

// Has reports whether a blob is in a pack that can be relied on, and notes that
// it is. Where the index is damaged it may say no for yes, which costs storing a
// blob twice.
func (s *Session) Has(id chunk.ID) bool {
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
func (s *Session) err() error {
	if s.ctx.Err() == nil {
		return nil
	}
	return context.Cause(s.ctx)
}

// Cause returns why something failed that was done within the session: why that failed
// itself, if it did, else err.
func (s *Session) Cause(err error) error {
	if cause := s.err(); err != nil && cause != nil && s.outer.Err() == nil {
		return cause
	}
	return err
}

// Flush stores all that was put, and lists it.
func (s *Session) Flush() error {
	if err := s.cutMu.Lock(s.ctx); err != nil {
		return err
	}
	defer s.cutMu.Unlock()
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

func (s *Session) flushPages(ctx context.Context) error {
	if err := s.pagesMu.Lock(ctx); err != nil {
		return err
	}
	defer s.pagesMu.Unlock()
	return s.pages.Flush(ctx)
}

// Close gives up what Flush hasn't stored, and the lease. Nobody may be storing.
func (s *Session) Close() {
	s.fail(errors.New("the session has ended"))
	for _, p := range []*packer{&s.data, &s.tree} {
		_, _ = p.cut(context.Background()) // a checkpoint may be cutting, and soon gives up
	}
	s.uploads.Wait()
	s.lease.Release(s.ctx)
}
