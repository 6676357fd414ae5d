package repo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

// openIndex returns the index, brought up to date when it is opened.
func (r *Repo) openIndex(ctx context.Context) (*index.Index, error) {
	if err := r.indexGate.enter(ctx); err != nil {
		return nil, err
	}
	defer r.indexGate.leave()
	if r.index != nil {
		return r.index, nil
	}
	x, err := r.openCache()
	if err != nil {
		return nil, err
	}
	if err := r.updateIndex(ctx, x); err != nil {
		return nil, object.Join(err, x.Close())
	}
	_ = x.Flush() // where the cache can't be written, memory serves
	r.index = x
	return x, nil
}

// openCache opens the local index. Where there is no place for it, it is made in a
// temporary one, and used once.
func (r *Repo) openCache() (*index.Index, error) {
	if r.dir != "" {
		if x, err := index.Open(filepath.Join(r.dir, "index")); err == nil {
			return x, nil
		}
	}
	dir, err := os.MkdirTemp("", "qsnap-index-*")
	if err != nil {
		return nil, err
	}
	r.scratch = dir
	return index.Open(dir)
}

// updateIndex makes the index know the deltas that are on the target now.
func (r *Repo) updateIndex(ctx context.Context, x *index.Index) error {
	var listed []index.ID
	sizes := map[index.ID]int64{}
	for d, err := range r.store.IDs(ctx, object.Deltas) {
		if err != nil {
			return err
		}
		listed = append(listed, d.ID)
		sizes[d.ID] = d.Size
	}
	if err := r.fetchDeltas(ctx, x, listed, sizes); err != nil {
		return err
	}
	return x.Update(ctx, listed, func(ctx context.Context, id index.ID) (index.Delta, error) {
		d, err := r.readDelta(ctx, id)
		var damage *DamageError
		if errors.Is(err, fs.ErrNotExist) || errors.As(err, &damage) {
			// Replaced since it was listed, or damaged: what is missed is found by the
			// next update, or in the packs themselves. Check tells of damage.
			return nil, nil
		}
		if errors.Is(err, ErrNewerKey) {
			r.newer.Store(true)
			return nil, nil
		}
		return d, err
	})
}

// fetchDeltas brings the deltas that an index doesn't know into the cache, where there is
// one: many at a time arrive far sooner than one after another.
func (r *Repo) fetchDeltas(ctx context.Context, x *index.Index, listed []index.ID, sizes map[index.ID]int64) error {
	if !r.store.Caches() {
		return nil
	}
	unknown, err := x.Missing(listed)
	if err != nil {
		return err
	}
	var deltas []object.Listed
	for _, id := range unknown {
		deltas = append(deltas, object.Listed{ID: id, Size: sizes[id]})
	}
	return r.store.Fetch(ctx, object.Deltas, deltas, object.MaxDelta)
}

// adopt makes the index know the packs that no delta it has read lists, from the
// packs themselves, and returns them.
func (r *Repo) adopt(ctx context.Context, x *index.Index) ([]*pack.Info, error) {
	known, err := x.Packs()
	if err != nil {
		return nil, err
	}
	var out []*pack.Info
	for info, err := range r.store.List(ctx, object.Packs) {
		if err != nil {
			return nil, err
		}
		id, ok := packOfName(info.Name)
		if !ok || known[id] {
			continue
		}
		p, err := r.readPackInfo(ctx, id, info.Size)
		var damage *pack.DamageError
		if errors.As(err, &damage) {
			continue
		}
		if errors.Is(err, ErrNewerKey) {
			r.newer.Store(true)
			continue
		}
		if err != nil {
			return nil, err
		}
		x.Add(p)
		out = append(out, p)
	}
	return out, nil
}

func (r *Repo) readDelta(ctx context.Context, id index.ID) (index.Delta, error) {
	d, _, err := r.readDeltaAs(ctx, id)
	return d, err
}

// readDeltaAs reads a delta, and returns the epoch that it is sealed under, too.
func (r *Repo) readDeltaAs(ctx context.Context, id index.ID) (d index.Delta, epoch uint32, err error) {
	name := object.Deltas.Name(id)
	sealed, err := r.store.Read(ctx, name, id, object.MaxDelta)
	if err != nil {
		return nil, 0, err
	}
	body, err := r.box.Open(seal.IndexDelta, sealed)
	if err != nil {
		return nil, 0, object.Unopened(name, err)
	}
	header, err := seal.ParseHeader(sealed)
	if err == nil {
		d, err = index.ParseDelta(body)
	}
	if err != nil {
		return nil, 0, &DamageError{Object: name, Err: err}
	}
	return d, header.Epoch(), nil
}

// A LostError means that no readable copy of a chunk or tree is there.
type LostError struct {
	ID   chunk.ID
	Tree bool
	Err  error // why the copies that are known can't be read; nil if there are none
}

// Error says what is lost and why.
func (e *LostError) Error() string {
	what := "chunk"
	if e.Tree {
		what = "tree"
	}
	if e.Err == nil {
		return fmt.Sprintf("%s %s is in no pack", what, e.ID.Short())
	}
	return fmt.Sprintf("%s %s: %v", what, e.ID.Short(), e.Err)
}

// Unwrap returns why.
func (e *LostError) Unwrap() error { return e.Err }

// Is reports whether target is ErrDamaged.
func (e *LostError) Is(target error) bool { return target == ErrDamaged }

// trees loads the pages of trees. It implements snapshot.Loader.
type trees struct{ r *Repo }

// Tree is part of snapshot.Loader.
func (t trees) Tree(ctx context.Context, id chunk.ID) ([]byte, error) {
	return t.r.blob(ctx, id, true)
}

// blob returns a chunk or tree page, from any copy that can be read. The bytes
// are shared.
func (r *Repo) blob(ctx context.Context, id chunk.ID, tree bool) (b []byte, err error) {
	err = r.persist(ctx, func(x *index.Index) error {
		places, err := x.Lookup(id)
		if err == nil {
			b, err = r.fromPlaces(ctx, places, id, tree)
		}
		return err
	})
	return b, err
}

// persist calls f, and again with an index brought up to date, and again with one
// that knows all packs there are, as long as it fails with a *LostError or because
// of the index: packs may have been rewritten since, deltas may be damaged or gone.
func (r *Repo) persist(ctx context.Context, f func(*index.Index) error) error {
	x, err := r.openIndex(ctx)
	if err != nil {
		return err
	}
	for _, mend := range []func(error) error{
		func(err error) error { return r.refreshIndex(ctx, x, index.IsDamaged(err)) },
		func(error) error { return errors.Join(r.rebuildIndex(ctx, x), r.adoptOnce(ctx, x)) },
	} {
		err = f(x)
		if lost := (*LostError)(nil); !errors.As(err, &lost) && !index.IsDamaged(err) {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := mend(err); err != nil {
			return err
		}
	}
	err = f(x)
	if lost := (*LostError)(nil); errors.As(err, &lost) && r.newer.Load() {
		return fmt.Errorf("%w: %v", ErrNewerKey, err) // that may be where it is
	}
	return err
}

// adoptOnce adopts unlisted packs, as the last resort before something is called
// lost, but once only.
func (r *Repo) adoptOnce(ctx context.Context, x *index.Index) error {
	if err := r.indexGate.enter(ctx); err != nil {
		return err
	}
	defer r.indexGate.leave()
	if r.adopted {
		return nil
	}
	if _, err := r.adopt(ctx, x); err != nil {
		return err
	}
	r.adopted = true
	return nil
}

// rebuildIndex makes the index anew, once: damage may have left it readable, and wrong.
func (r *Repo) rebuildIndex(ctx context.Context, x *index.Index) error {
	if r.rebuilt.Swap(true) {
		return nil
	}
	return r.refreshIndex(ctx, x, true)
}

// refreshIndex brings the index up to date, from scratch if reset is set.
func (r *Repo) refreshIndex(ctx context.Context, x *index.Index, reset bool) error {
	if err := r.indexGate.enter(ctx); err != nil {
		return err
	}
	defer r.indexGate.leave()
	if reset {
		if err := x.Reset(); err != nil {
			return err
		}
	}
	err := r.updateIndex(ctx, x)
	if reset && err == nil {
		_ = x.Flush() // where the cache can't be written, memory serves
	}
	return err
}

// fromPlaces returns a blob from the first place where it can be read, or a
// *LostError. Errors that are no damage are returned at once.
func (r *Repo) fromPlaces(ctx context.Context, places []index.Place, id chunk.ID, tree bool) ([]byte, error) {
	lost := &LostError{ID: id, Tree: tree}
	var newer error
	for _, p := range places {
		b, err := r.fromPlace(ctx, p, id, tree)
		if err == nil {
			return b, nil
		}
		if errors.Is(err, ErrNewerKey) {
			newer = err
			continue
		}
		var damage *pack.DamageError
		if !errors.As(err, &damage) {
			return nil, err
		}
		lost.Err = err
	}
	if newer != nil {
		return nil, newer
	}
	return nil, lost
}

func (r *Repo) fromPlace(ctx context.Context, p index.Place, id chunk.ID, tree bool) ([]byte, error) {
	plain, err := r.segments.get(segmentKey{p.Pack.ID, p.Segment}, func() ([]byte, error) {
		return r.readSegment(ctx, p.Pack, int(p.Segment))
	})
	if err != nil {
		return nil, err
	}
	return r.cutBlob(plain, p, id, tree)
}

// cutBlob takes a blob out of its plain segment and checks its id.
func (r *Repo) cutBlob(plain []byte, p index.Place, id chunk.ID, tree bool) ([]byte, error) {
	damaged := func(err error) error {
		return &pack.DamageError{Pack: p.Pack.ID, Part: fmt.Sprintf("segment %d", p.Segment), Err: err}
	}
	if int(p.Offset)+int(p.Length) > len(plain) {
		return nil, damaged(errors.New("it is shorter than its index says"))
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

// readSegment reads a segment of a pack and opens it. Any damage, and a pack that
// isn't there or is too short, is a *pack.DamageError.
func (r *Repo) readSegment(ctx context.Context, p *pack.Info, n int) ([]byte, error) {
	if n >= len(p.Segments) {
		return nil, &pack.DamageError{Pack: p.ID, Part: fmt.Sprintf("segment %d", n), Err: errors.New("there is none")}
	}
	plain, err := r.readSegmentHere(ctx, p, n)
	if err == nil {
		return plain, nil
	}
	return r.segmentElsewhere(ctx, p, n, make([]byte, 0, p.Segments[n].Plain), err)
}

// readSegmentHere reads a segment from the target alone, unless it is cached or was
// read ahead.
func (r *Repo) readSegmentHere(ctx context.Context, p *pack.Info, n int) ([]byte, error) {
	if p.IsTree() && r.store.Remote() {
		return r.readTrees(ctx, p, n)
	}
	s := p.Segments[n]
	if b, ok := r.ahead.take(ctx, p, n); ok {
		if plain, err := r.openSegment(p, n, b, make([]byte, 0, s.Plain)); err == nil {
			return plain, nil
		}
	}
	buf := make([]byte, s.Stored)
	if err := r.readRange(ctx, p.ID, s.Offset, buf); err != nil {
		return nil, err
	}
	return r.openSegment(p, n, buf, make([]byte, 0, s.Plain))
}

// openSegment opens a segment as stored, whose bytes it uses up, and appends it
// to dst.
func (r *Repo) openSegment(p *pack.Info, n int, sealed, dst []byte) ([]byte, error) {
	damaged := func(err error) error {
		return &pack.DamageError{Pack: p.ID, Part: fmt.Sprintf("segment %d", n), Err: err}
	}
	cipher, err := r.box.Cipher(p.Header)
	if errors.Is(err, ErrNewerKey) {
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

// readRange reads bytes of a pack. A pack that is too short or isn't there is a
// *pack.DamageError.
func (r *Repo) readRange(ctx context.Context, id pack.ID, off int64, buf []byte) error {
	err := r.store.ReadRange(ctx, object.Packs.Name(id), off, buf)
	if err == nil {
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) || r.isShort(ctx, id, off+int64(len(buf))) {
		return &pack.DamageError{Pack: id, Err: err}
	}
	return err
}

// isShort reports whether a pack certainly ends before that many bytes.
func (r *Repo) isShort(ctx context.Context, id pack.ID, size int64) bool {
	info, err := r.store.Stat(ctx, object.Packs.Name(id))
	return err == nil && info.Size < size
}

// packHash returns the hash of a stored pack, which should be its id.
func (r *Repo) packHash(ctx context.Context, id pack.ID) (pack.ID, error) {
	rc, err := r.store.Get(ctx, object.Packs.Name(id), 0, -1)
	if err != nil {
		return pack.ID{}, err
	}
	h := blake3.New()
	_, err = io.CopyBuffer(h, rc, make([]byte, 256<<10))
	return pack.ID(h.Sum(nil)), object.Join(err, rc.Close())
}

// segmentElsewhere reads a segment that can't be read here from a replica, and appends it
// to dst.
func (r *Repo) segmentElsewhere(ctx context.Context, p *pack.Info, n int, dst []byte, here error) (plain []byte, err error) {
	name := object.Packs.Name(p.ID)
	err = r.store.TryReplicas(ctx, name, here, func(replica *object.Store) error {
		sealed := make([]byte, p.Segments[n].Stored)
		err := replica.ReadRange(ctx, name, p.Segments[n].Offset, sealed)
		if err == nil {
			plain, err = r.openSegment(p, n, sealed, dst)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return plain, nil
}

// packsThere lists the packs that are on the target, with their sizes.
func (r *Repo) packsThere(ctx context.Context) (map[pack.ID]int64, error) {
	out := map[pack.ID]int64{}
	for info, err := range r.store.List(ctx, object.Packs) {
		if err != nil {
			return nil, err
		}
		if id, ok := packOfName(info.Name); ok {
			out[id] = info.Size
		}
	}
	return out, nil
}
