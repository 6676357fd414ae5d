package write

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/capture"
	"github.com/qsnap/qsnap/internal/ctxmutex"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

// A Session stores the chunks and trees that the repository lacks in new packs, and lists the
// packs in index deltas. It implements capture.Sink.
//
// The first goroutine that puts a chunk claims it, until its pack is stored and in the index. A
// reader of the target sees packs, and then the deltas that list them. Nothing refers to
// either before the caller publishes a manifest.
//
// Packs in quarantine count as absent. The session records every existing pack that it relies
// on, and Publish verifies that those packs still exist.
type Session struct {
	e   *engine.Engine
	Run seal.Run // of its lease, and of all objects that it stores

	outer context.Context
	ctx   context.Context // ends when the session fails
	fail  context.CancelCauseFunc
	index *index.Index
	lease *runs.Lease

	checkpoint   *checkpoint
	predecessors []string // leases of dead runs whose packs this one uses

	data, tree packer

	pagesMu ctxmutex.Mutex
	pages   *segmentBuilder // of trees; guarded by pagesMu

	mu       sync.Mutex
	claimed  map[chunk.ID]bool
	absent   func(pack.ID) bool    // packs not to rely on, beside the damaged ones
	damaged  map[pack.ID]error     // packs that were found damaged or missing, and why
	relied   map[pack.ID]bool      // packs that the session relies on, or has stored
	forced   map[chunk.ID]struct{} // blobs that the next Put stores even if a pack has them
	unlisted []*pack.Info          // stored packs that no delta lists

	cutMu ctxmutex.Mutex // held while packs are ended before they are full

	uploads     sync.WaitGroup
	packBuffers chan *pack.Buffer     // taken while a pack is built and uploaded
	compressors chan *pack.Compressor // taken while a segment is compressed
	freeBuffers chan []byte           // taken for a compressed segment until it is written

	verifier *blob.Verifier // nil unless reused blobs are verified
	counts   counters
}

// counters count the blobs and bytes that a session stores.
type counters struct {
	dataBlobs, treeBlobs   atomic.Uint64
	dataAdded, treeAdded   atomic.Uint64
	dataStored, treeStored atomic.Uint64
	indexStored            atomic.Uint64
	healed                 atomic.Uint64
}

// Counts are what a session has stored so far.
type Counts struct {
	DataBlobs, TreeBlobs   uint64
	DataAdded, TreeAdded   uint64 // bytes of them
	DataStored, TreeStored uint64 // bytes of packs
	IndexStored            uint64 // bytes
	Verified, Healed       uint64 // bytes of segments that were read back, and of blobs that were damaged
}

// Counts returns what was stored so far.
func (s *Session) Counts() Counts {
	c := &s.counts
	var verified uint64
	if s.verifier != nil {
		verified = s.verifier.Bytes()
	}
	return Counts{
		DataBlobs: c.dataBlobs.Load(), TreeBlobs: c.treeBlobs.Load(),
		DataAdded: c.dataAdded.Load(), TreeAdded: c.treeAdded.Load(),
		DataStored: c.dataStored.Load(), TreeStored: c.treeStored.Load(), IndexStored: c.indexStored.Load(),
		Verified: verified, Healed: c.healed.Load(),
	}
}

// Packs that are built or uploaded at the same time: one of data, one of trees, and one being
// uploaded. A remote target gets more uploads, as long as their packs fit RemotePackMemory.
const (
	packsAtOnce       = 3
	remotePacksAtOnce = 10
	RemotePackMemory  = 96 << 20
)

func parallelPacks(e *engine.Engine) int {
	if !e.Store.Remote() {
		return packsAtOnce
	}
	return int(min(max(RemotePackMemory/e.Config.PackSize, packsAtOnce), remotePacksAtOnce))
}

// segmentsWritten is how many segments may be written to packs while all workers compress
// others.
const segmentsWritten = 2

// treeSegment is the size of segments of trees. To find one file, a few of them are read.
const treeSegment = 512 << 10

// deltaPacks is how many packs a session stores before it lists them. If the session dies
// later, listed packs needn't be stored again.
const deltaPacks = 64

// Begin begins a run that stores. what is the record of its lease. The returned context ends
// when the session fails. If the repository has a newer key than it was opened with, Begin
// fails and stores nothing.
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
		claimed: map[chunk.ID]bool{}, relied: map[pack.ID]bool{}, damaged: map[pack.ID]error{}, forced: map[chunk.ID]struct{}{},
		packBuffers: make(chan *pack.Buffer, parallelPacks(e)),
		compressors: make(chan *pack.Compressor, workers),
		freeBuffers: make(chan []byte, workers+segmentsWritten),
	}
	for range cap(s.freeBuffers) {
		s.freeBuffers <- nil
	}
	for range cap(s.packBuffers) {
		s.packBuffers <- new(pack.Buffer)
	}
	for range workers {
		press, err := pack.NewCompressor(level)
		if err != nil {
			return nil, nil, err
		}
		s.compressors <- press
	}
	s.data = packer{s: s, kind: seal.DataPack, mu: ctxmutex.New()}
	s.tree = packer{s: s, kind: seal.TreePack, mu: ctxmutex.New()}
	s.pages = &segmentBuilder{s: s, packer: &s.tree, full: min(e.Config.SegmentSize, treeSegment)}
	return s, ctx, s.begin(kind, what)
}

// begin stores the lease. It lists the quarantine before it reads the index, because the index
// may have packs that are about to be deleted.
func (s *Session) begin(kind runs.Kind, what runs.Record) (err error) {
	s.checkpoint = newCheckpoint()
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

// beat saves a checkpoint, which stores trees, and renews the lease with the checkpoint. If it
// can't be saved, the lease keeps the one before.
func (s *Session) beat(ctx context.Context) {
	if trees, err := s.saveCheckpoint(ctx, s.checkpoint); err == nil {
		s.lease.SetTrees(trees)
	}
	s.lease.Beat(ctx)
}

// ChunkWriter is part of capture.Sink.
func (s *Session) ChunkWriter() capture.ChunkWriter {
	return &segmentBuilder{s: s, packer: &s.data, full: s.e.Config.SegmentSize}
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

// claim reports whether the caller has to store a blob. healing reports that it is stored
// already, but damaged.
func (s *Session) claim(ctx context.Context, id chunk.ID) (mine, healing bool, err error) {
	s.mu.Lock()
	_, again := s.forced[id]
	known := s.claimed[id]
	s.mu.Unlock()
	if known {
		return false, false, nil
	}
	if !again {
		var stored bool
		if stored, healing, err = s.isStored(ctx, id); stored || err != nil {
			return false, false, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.claimed[id] {
		return false, false, nil
	}
	delete(s.forced, id)
	s.claimed[id] = true
	return true, healing, nil
}

// Has reports whether a blob is in a pack that isn't absent, and records that the session
// relies on that pack. If the index is damaged, Has may return false for a stored blob, which
// is then stored twice.
func (s *Session) Has(id chunk.ID) bool {
	places, _ := s.index.Lookup(id)
	if len(places) == 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range places {
		if !s.isAbsent(p.Pack.ID) {
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

// Cause returns the cause of an error that happened within the session. That is the error of
// the session if it has failed, or else err.
func (s *Session) Cause(err error) error {
	if cause := s.err(); err != nil && cause != nil && s.outer.Err() == nil {
		return cause
	}
	return err
}

// Flush stores all blobs that were put, and lists their packs.
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
	return s.listPacks()
}

func (s *Session) flushPages(ctx context.Context) error {
	if err := s.pagesMu.Lock(ctx); err != nil {
		return err
	}
	defer s.pagesMu.Unlock()
	return s.pages.Flush(ctx)
}

// Close drops blobs that Flush hasn't stored, and releases the lease. It must not be called
// while blobs are put.
func (s *Session) Close() {
	s.fail(errors.New("the session has ended"))
	for _, p := range []*packer{&s.data, &s.tree} {
		_, _ = p.cut(context.Background()) // a checkpoint may be cutting the pack, and soon ends
	}
	s.uploads.Wait()
	if s.verifier != nil {
		s.verifier.Wait()
	}
	s.lease.Release(s.ctx)
}
