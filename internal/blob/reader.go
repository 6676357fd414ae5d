// Package blob reads blobs and segments of packs from the target, the caches or a replica. It
// keeps the index that says in which pack a blob is.
//
// What must stay true: the bytes of a returned blob match its id. The local index may be
// lost, damaged or out of date at any time. Before a blob counts as lost, the index is brought
// up to date, and then rebuilt from all deltas and from the packs that no delta lists.
package blob

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/ctxmutex"
	"github.com/qsnap/qsnap/internal/keys"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/pace"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

// A Reader reads blobs. It is safe for concurrent use.
type Reader struct {
	store  *object.Store
	keys   *keys.Keys
	sealer *seal.Sealer
	data   *chunk.Hasher
	tree   *chunk.Hasher
	dir    string // of the local index, or empty

	decompressor *pack.Decompressor
	segments     segmentCache
	prefetcher   prefetcher
	treePrefetch treePrefetch

	indexMu  ctxmutex.Mutex // guards the fields below, and is held while the index is brought up to date
	index    *index.Index   // nil until it is needed
	unlisted bool           // the index has the packs that no delta lists
	rebuilt  atomic.Bool    // the index was made from scratch
	tempDir  string         // the directory of a temporary index, or empty

	pacer    pace.Pacer
	warn     func(error)
	newerKey atomic.Bool // a delta or pack was skipped because it is sealed with a newer key
}

// Options of a reader.
type Options struct {
	Dir         string // the local directory; if it is empty, the index is a temporary one
	CacheMemory int    // bytes of plain segments to keep in memory
	Data, Tree  *chunk.Hasher
	Warn        func(error) // called if the local index can't be used; may be nil
	Pace        pace.Pacer  // asked before a blob is looked up or a segment is opened; may be nil
}

// New returns a reader.
func New(store *object.Store, k *keys.Keys, sealer *seal.Sealer, o Options) (*Reader, error) {
	decompressor, err := pack.NewDecompressor(0)
	if err != nil {
		return nil, err
	}
	r := &Reader{
		store: store, keys: k, sealer: sealer, data: o.Data, tree: o.Tree, dir: o.Dir, warn: o.Warn, pacer: pace.Or(o.Pace),
		decompressor: decompressor, indexMu: ctxmutex.New(),
	}
	r.segments.limit = o.CacheMemory
	if r.warn == nil {
		r.warn = func(error) {}
	}
	return r, nil
}

// UseEmptyIndex gives the reader an empty index in a temporary directory, and returns that
// index. Close removes the directory. UseEmptyIndex must be called before anything is read.
func (r *Reader) UseEmptyIndex() (*index.Index, error) {
	x, err := r.openTemporary()
	if err != nil {
		return nil, err
	}
	r.index = x
	return x, nil
}

// Close closes the index. It must not be called during other calls.
func (r *Reader) Close() error {
	if err := r.indexMu.Lock(context.Background()); err != nil {
		return err
	}
	defer r.indexMu.Unlock()
	if r.index == nil {
		return nil
	}
	x := r.index
	r.index = nil
	return r.closeIndex(x)
}

// DropSegments drops the segments that are kept in memory.
func (r *Reader) DropSegments() { r.segments.clear() }

// Tree returns a page of a tree. It makes the Reader a snapshot.Loader.
func (r *Reader) Tree(ctx context.Context, id chunk.ID) ([]byte, error) {
	return r.Blob(ctx, id, true)
}

// Blob returns a chunk or a page of a tree, from any readable copy. The bytes are shared and
// must not be changed.
func (r *Reader) Blob(ctx context.Context, id chunk.ID, tree bool) (b []byte, err error) {
	if err := r.pacer.Pace(ctx); err != nil {
		return nil, err
	}
	err = r.WithIndex(ctx, func(x *index.Index) error {
		places, err := x.Lookup(id)
		if err == nil {
			b, err = r.FromPlaces(ctx, places, id, tree)
		}
		return err
	})
	return b, err
}

// WithIndex calls f with the index. If f fails with a *LostError or because the index is
// damaged, WithIndex brings the index up to date and calls f again. If f fails so again,
// WithIndex rebuilds the index, adds the packs that no delta lists, and calls f once more.
// Packs may have been repacked since the index was read, and deltas may be damaged or gone.
func (r *Reader) WithIndex(ctx context.Context, f func(*index.Index) error) error {
	x, err := r.Index(ctx)
	if err != nil {
		return err
	}
	for _, renew := range []func(error) error{
		func(err error) error { return r.Refresh(ctx, x, index.IsDamaged(err)) },
		func(error) error { return errors.Join(r.rebuildIndex(ctx, x), r.indexUnlistedOnce(ctx, x)) },
	} {
		err = f(x)
		if !IsLost(err) && !index.IsDamaged(err) {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := renew(err); err != nil {
			return err
		}
	}
	err = f(x)
	if IsLost(err) && r.newerKey.Load() {
		return fmt.Errorf("%w: %v", seal.ErrNoKey, err) // the blob may be in a pack that was skipped
	}
	return err
}

// FromPlaces returns a blob from the first place where it can be read. If all places are
// damaged, the error is a *LostError. Other errors are returned at once.
func (r *Reader) FromPlaces(ctx context.Context, places []index.Place, id chunk.ID, tree bool) ([]byte, error) {
	lost := &LostError{ID: id, Tree: tree}
	var newer error
	for _, p := range places {
		b, err := r.FromPlace(ctx, p, id, tree)
		if err == nil {
			return b, nil
		}
		if errors.Is(err, seal.ErrNoKey) {
			newer = err
			continue
		}
		if _, damaged := errors.AsType[*pack.DamageError](err); !damaged {
			return nil, err
		}
		lost.Err = err
	}
	if newer != nil {
		return nil, newer
	}
	return nil, lost
}

// FromPlace returns a blob from one place. If that is damaged, the error is a
// *pack.DamageError.
func (r *Reader) FromPlace(ctx context.Context, p index.Place, id chunk.ID, tree bool) ([]byte, error) {
	plain, err := r.segments.get(segmentKey{p.Pack.ID, p.Segment}, func() ([]byte, error) {
		return r.readSegment(ctx, p.Pack, int(p.Segment))
	})
	if err != nil {
		return nil, err
	}
	return r.cutBlob(plain, p, id, tree)
}

// cutBlob cuts a blob out of its plain segment and verifies its id.
func (r *Reader) cutBlob(plain []byte, p index.Place, id chunk.ID, tree bool) ([]byte, error) {
	damaged := func(err error) error {
		return &pack.DamageError{Pack: p.Pack.ID, Part: fmt.Sprintf("segment %d", p.Segment), Err: err}
	}
	if int(p.Offset)+int(p.Length) > len(plain) {
		return nil, damaged(errors.New("the segment is shorter than the index says"))
	}
	b := plain[p.Offset : p.Offset+p.Length : p.Offset+p.Length]
	hasher := r.data
	if tree {
		hasher = r.tree
	}
	if err := hasher.Verify(id, b); err != nil {
		return nil, damaged(err)
	}
	return b, nil
}

// readSegment reads a segment of a pack and opens it. If the segment is damaged, or the pack
// is missing or too short, the error is a *pack.DamageError.
func (r *Reader) readSegment(ctx context.Context, p *pack.Info, n int) ([]byte, error) {
	if n >= len(p.Segments) {
		return nil, &pack.DamageError{Pack: p.ID, Part: fmt.Sprintf("segment %d", n), Err: errors.New("the pack has no such segment")}
	}
	plain, err := r.readSegmentHere(ctx, p, n)
	if err == nil {
		return plain, nil
	}
	return r.segmentFromReplica(ctx, p, n, make([]byte, 0, p.Segments[n].Plain), err)
}

// readSegmentHere reads a segment from the target, unless it is cached or prefetched. It
// doesn't read replicas.
func (r *Reader) readSegmentHere(ctx context.Context, p *pack.Info, n int) ([]byte, error) {
	if p.IsTree() && r.store.Remote() {
		return r.readTrees(ctx, p, n)
	}
	s := p.Segments[n]
	if b, ok := r.prefetcher.take(ctx, p, n); ok {
		if plain, err := r.OpenSegment(p, n, b, make([]byte, 0, s.Plain)); err == nil {
			return plain, nil
		}
	}
	buf := make([]byte, s.Stored)
	if err := r.ReadRange(ctx, p.ID, s.Offset, buf); err != nil {
		return nil, err
	}
	return r.OpenSegment(p, n, buf, make([]byte, 0, s.Plain))
}

// OpenSegment opens a stored segment and appends its plain bytes to dst. It overwrites
// sealed.
func (r *Reader) OpenSegment(p *pack.Info, n int, sealed, dst []byte) ([]byte, error) {
	damaged := func(err error) error {
		return &pack.DamageError{Pack: p.ID, Part: fmt.Sprintf("segment %d", n), Err: err}
	}
	cipher, err := r.sealer.Cipher(p.Header)
	if errors.Is(err, seal.ErrNoKey) {
		return nil, fmt.Errorf("pack %s: %w", p.ID.Short(), err)
	}
	if err != nil {
		return nil, damaged(err)
	}
	plain, err := r.decompressor.Segment(cipher, p.Segments[n], n, sealed, dst)
	if err != nil {
		return nil, damaged(err)
	}
	return plain, nil
}

// segmentFromReplica reads a segment from a replica and appends its plain bytes to dst. The
// error here says why the target's segment can't be read.
func (r *Reader) segmentFromReplica(ctx context.Context, p *pack.Info, n int, dst []byte, here error) (plain []byte, err error) {
	name := object.Packs.Name(p.ID)
	err = r.store.TryReplicas(ctx, name, here, func(replica *object.Store) error {
		sealed := make([]byte, p.Segments[n].Stored)
		err := replica.ReadRange(ctx, name, p.Segments[n].Offset, sealed)
		if err == nil {
			plain, err = r.OpenSegment(p, n, sealed, dst)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return plain, nil
}
