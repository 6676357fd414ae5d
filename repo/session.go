package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/capture"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

// A session stores chunks and trees that the repository doesn't have, in new
// packs, and lists these in index deltas. It implements capture.Sink.
//
// A chunk is claimed by the first who puts it, until its pack is stored and the
// index knows it. A reader of the target sees packs, then the deltas that list
// them; nothing refers to either before the caller publishes a manifest.
type session struct {
	r     *Repo
	ctx   context.Context // ends when the session fails
	fail  context.CancelCauseFunc
	index *index.Index

	data, tree packer

	pagesGate gate
	pages     *lane // of trees; guarded by pagesGate

	mu      sync.Mutex
	claimed map[chunk.ID]bool
	loose   []*pack.Info // stored, and not listed in a delta

	uploads sync.WaitGroup
	slots   chan *pack.Buffer     // who holds one may build or upload a pack
	presses chan *pack.Compressor // who holds one may compress

	stats sessionStats
}

type sessionStats struct {
	dataBlobs, treeBlobs   atomic.Uint64
	dataAdded, treeAdded   atomic.Uint64
	dataStored, treeStored atomic.Uint64
	indexStored            atomic.Uint64
}

// Packs that are built or uploaded at the same time: one of data, one of trees,
// and one on its way.
const packsAtOnce = 3

// treeSegment is how large segments of trees are: whoever looks for one file
// reads a few of them.
const treeSegment = 512 << 10

// deltaPacks is how many packs a session stores before it lists them: those of a
// session that dies later needn't be stored again.
const deltaPacks = 64

func (r *Repo) newSession(ctx context.Context, level pack.Level, workers int) (*session, error) {
	x, err := r.openIndex(ctx)
	if err != nil {
		return nil, err
	}
	ctx, fail := context.WithCancelCause(ctx)
	s := &session{
		r: r, ctx: ctx, fail: fail, index: x,
		pagesGate: newGate(),
		claimed:   map[chunk.ID]bool{},
		slots:     make(chan *pack.Buffer, packsAtOnce),
		presses:   make(chan *pack.Compressor, workers),
	}
	for range packsAtOnce {
		s.slots <- new(pack.Buffer)
	}
	for range workers {
		press, err := pack.NewCompressor(level)
		if err != nil {
			return nil, err
		}
		s.presses <- press
	}
	s.data = packer{s: s, kind: seal.DataPack, gate: newGate()}
	s.tree = packer{s: s, kind: seal.TreePack, gate: newGate()}
	s.pages = &lane{s: s, packer: &s.tree, full: min(r.config.SegmentSize, treeSegment)}
	return s, nil
}

// Lane is part of capture.Sink.
func (s *session) Lane() capture.Lane {
	return &lane{s: s, packer: &s.data, full: s.r.config.SegmentSize}
}

// PutTree is part of capture.Sink.
func (s *session) PutTree(ctx context.Context, page []byte) (chunk.ID, error) {
	if err := s.pagesGate.enter(ctx); err != nil {
		return chunk.ID{}, err
	}
	defer s.pagesGate.leave()
	return s.pages.Put(ctx, page)
}

// claim reports whether the caller has to store a blob.
func (s *session) claim(id chunk.ID) bool {
	s.mu.Lock()
	known := s.claimed[id]
	s.mu.Unlock()
	if known || s.index.Has(id) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.claimed[id] {
		return false
	}
	s.claimed[id] = true
	return true
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
	if err := s.flushPages(); err != nil {
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

func (s *session) flushPages() error {
	if err := s.pagesGate.enter(s.ctx); err != nil {
		return err
	}
	defer s.pagesGate.leave()
	return s.pages.Flush(s.ctx)
}

// close gives up what flush hasn't stored. Nobody may be storing.
func (s *session) close() {
	s.fail(errors.New("the session has ended"))
	s.data.end()
	s.tree.end()
	s.uploads.Wait()
}

// upload stores a pack that is complete, and gives back its spool.
func (s *session) upload(p *openPack) {
	defer s.uploads.Done()
	defer func() { s.slots <- p.slot }()
	if s.ctx.Err() != nil {
		p.spool.Discard()
		return
	}
	info, err := p.builder.Finish()
	if err == nil {
		err = s.putPack(info, p.spool)
	}
	err = errors.Join(err, p.spool.Discard())
	if err != nil {
		s.fail(fmt.Errorf("store pack: %w", err))
		return
	}
	stored := &s.stats.dataStored
	if info.IsTree() {
		stored = &s.stats.treeStored
	}
	stored.Add(uint64(info.Size))
	s.index.Add(info)
	s.mu.Lock()
	for i := range info.Blobs {
		delete(s.claimed, info.Blobs[i].ID)
	}
	s.loose = append(s.loose, info)
	due := len(s.loose) >= deltaPacks || s.index.Full()
	s.mu.Unlock()
	if due {
		if err := s.list(); err != nil {
			s.fail(err)
		}
	}
}

// putPack stores a pack. One that is there already, as after a Put that succeeded
// and was reported as failed, has to be whole.
func (s *session) putPack(info *pack.Info, spool spool) error {
	err := spool.Commit(s.ctx, packName(info.ID), info.Size)
	if errors.Is(err, fs.ErrExist) {
		var there pack.ID
		if there, err = s.r.packHash(s.ctx, info.ID); err == nil && there != info.ID {
			err = &DamageError{packName(info.ID), errHash}
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
	object, err := s.r.box.Seal(seal.IndexDelta, d.Append(nil))
	if err != nil {
		return err
	}
	id := index.ID(blake3.Sum256(object))
	if err := s.r.put(s.ctx, deltaName(id), object); err != nil {
		return fmt.Errorf("store index delta: %w", err)
	}
	s.stats.indexStored.Add(uint64(len(object)))
	s.index.Listed(id, d)
	_ = s.index.Settle() // where the cache can't be written, memory serves
	return nil
}
