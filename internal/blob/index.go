package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

// Index returns the index. The first call opens it and brings it up to date.
func (r *Reader) Index(ctx context.Context) (*index.Index, error) {
	if err := r.indexMu.Lock(ctx); err != nil {
		return nil, err
	}
	defer r.indexMu.Unlock()
	if r.index != nil {
		return r.index, nil
	}
	x, err := r.openLocal()
	if err != nil {
		return nil, err
	}
	if err := r.Update(ctx, x); err != nil {
		return nil, object.Join(err, r.closeIndex(x))
	}
	_ = x.Flush() // if the directory can't be written, the index stays in memory
	r.index = x
	return x, nil
}

// openLocal opens the local index. If there is no local directory, or it can't be used, the
// index is made in a temporary directory.
func (r *Reader) openLocal() (*index.Index, error) {
	if r.dir != "" {
		x, err := index.Open(filepath.Join(r.dir, "index"))
		if err == nil {
			return x, nil
		}
		r.warn(fmt.Errorf("the local index in %s can't be used, so it is made in a temporary directory: %w", r.dir, err))
	}
	return r.openTemporary()
}

// openTemporary opens an empty index in a temporary directory.
func (r *Reader) openTemporary() (*index.Index, error) {
	dir, err := os.MkdirTemp("", "qsnap-index-*")
	if err != nil {
		return nil, err
	}
	x, err := index.Open(dir)
	if err != nil {
		return nil, object.Join(err, os.RemoveAll(dir))
	}
	r.tempDir = dir
	return x, nil
}

// closeIndex closes an index, and removes its directory if that is a temporary one.
func (r *Reader) closeIndex(x *index.Index) error {
	err := x.Close()
	if r.tempDir != "" {
		err = errors.Join(err, os.RemoveAll(r.tempDir))
		r.tempDir = ""
	}
	return err
}

// Update reads into an index the deltas that are on the target now.
func (r *Reader) Update(ctx context.Context, x *index.Index) error {
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
		d, err := r.ReadDelta(ctx, id)
		if errors.Is(err, fs.ErrNotExist) || object.IsDamage(err) {
			// The delta was replaced since the listing, or it is damaged. The next update
			// finds its packs in another delta, or IndexUnlisted finds them on the target.
			// Check reports damage.
			return nil, nil
		}
		if errors.Is(err, seal.ErrNoKey) {
			r.newerKey.Store(true)
			return nil, nil
		}
		return d, err
	})
}

// fetchDeltas brings the deltas that an index doesn't know into the cache, if there is one.
// Fetching several at a time is far faster than reading one after another.
func (r *Reader) fetchDeltas(ctx context.Context, x *index.Index, listed []index.ID, sizes map[index.ID]int64) error {
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

// IndexUnlisted adds to an index the packs that none of its deltas lists, and returns them. It
// reads what they hold from the packs themselves.
func (r *Reader) IndexUnlisted(ctx context.Context, x *index.Index) ([]*pack.Info, error) {
	known, err := x.Packs()
	if err != nil {
		return nil, err
	}
	var out []*pack.Info
	for info, err := range r.store.List(ctx, object.Packs) {
		if err != nil {
			return nil, err
		}
		id, ok := object.Packs.ID(info.Name)
		if !ok || known[id] {
			continue
		}
		p, err := r.PackInfo(ctx, id, info.Size)
		if _, damaged := errors.AsType[*pack.DamageError](err); damaged {
			continue
		}
		if errors.Is(err, seal.ErrNoKey) {
			r.newerKey.Store(true)
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

// indexUnlistedOnce calls IndexUnlisted, once. It is the last resort before a blob counts as
// lost.
func (r *Reader) indexUnlistedOnce(ctx context.Context, x *index.Index) error {
	if err := r.indexMu.Lock(ctx); err != nil {
		return err
	}
	defer r.indexMu.Unlock()
	if r.unlisted {
		return nil
	}
	if _, err := r.IndexUnlisted(ctx, x); err != nil {
		return err
	}
	r.unlisted = true
	return nil
}

// rebuildIndex makes the index from scratch, once. A damaged index may be readable and wrong.
func (r *Reader) rebuildIndex(ctx context.Context, x *index.Index) error {
	if r.rebuilt.Swap(true) {
		return nil
	}
	return r.Refresh(ctx, x, true)
}

// Refresh brings an index up to date. If reset is set, it makes the index from scratch.
func (r *Reader) Refresh(ctx context.Context, x *index.Index, reset bool) error {
	if err := r.indexMu.Lock(ctx); err != nil {
		return err
	}
	defer r.indexMu.Unlock()
	if reset {
		if err := x.Reset(); err != nil {
			return err
		}
	}
	err := r.Update(ctx, x)
	if reset && err == nil {
		_ = x.Flush() // if the directory can't be written, the index stays in memory
	}
	return err
}
