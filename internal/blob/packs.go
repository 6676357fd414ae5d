package blob

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

// Packs lists the packs on the target, with their sizes.
func (r *Reader) Packs(ctx context.Context) (map[pack.ID]int64, error) {
	out := map[pack.ID]int64{}
	for info, err := range r.store.List(ctx, object.Packs) {
		if err != nil {
			return nil, err
		}
		if id, ok := object.Packs.ID(info.Name); ok {
			out[id] = info.Size
		}
	}
	return out, nil
}

// PackInfo reads from a pack what it holds.
func (r *Reader) PackInfo(ctx context.Context, id pack.ID, size int64) (*pack.Info, error) {
	return r.describe(ctx, id, size, &rangeReader{ctx, r, id})
}

// describe reads from the bytes of a pack what it holds.
func (r *Reader) describe(ctx context.Context, id pack.ID, size int64, in io.ReaderAt) (*pack.Info, error) {
	info, err := pack.ReadInfo(r.sealer, id, size, in)
	if errors.Is(err, seal.ErrNoKey) {
		if e := r.keys.Current(ctx); e == nil {
			err = &pack.DamageError{Pack: id, Part: "header", Err: errors.New("the repository has no such epoch")}
		} else if !errors.Is(e, seal.ErrNoKey) {
			err = e
		}
	}
	return info, err
}

// A rangeReader is an io.ReaderAt of a pack.
type rangeReader struct {
	ctx context.Context
	r   *Reader
	id  pack.ID
}

// ReadAt is io.ReaderAt.
func (r *rangeReader) ReadAt(p []byte, off int64) (int, error) {
	if err := r.r.ReadRange(r.ctx, r.id, off, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// ReadRange fills buf from a pack's bytes at off. If the pack is missing or too short, the
// error is a *pack.DamageError.
func (r *Reader) ReadRange(ctx context.Context, id pack.ID, off int64, buf []byte) error {
	err := r.store.ReadRange(ctx, object.Packs.Name(id), off, buf)
	if err == nil {
		return nil
	}
	return r.asDamage(ctx, id, off+int64(len(buf)), err)
}

// asDamage returns the error of reading a pack up to an offset. It is a *pack.DamageError if
// the pack is missing or too short.
func (r *Reader) asDamage(ctx context.Context, id pack.ID, end int64, err error) error {
	if errors.Is(err, fs.ErrNotExist) || r.isShort(ctx, id, end) {
		return &pack.DamageError{Pack: id, Err: err}
	}
	return err
}

// isShort reports whether a pack is certainly shorter than size.
func (r *Reader) isShort(ctx context.Context, id pack.ID, size int64) bool {
	info, err := r.store.Stat(ctx, object.Packs.Name(id))
	return err == nil && info.Size < size
}

// PackHash returns the hash of a stored pack. If the pack is whole, the hash is its id.
func (r *Reader) PackHash(ctx context.Context, id pack.ID) (pack.ID, error) {
	rc, err := r.store.Get(ctx, object.Packs.Name(id), 0, -1)
	if err != nil {
		return pack.ID{}, err
	}
	h := blake3.New()
	_, err = io.CopyBuffer(h, rc, make([]byte, 256<<10))
	return pack.ID(h.Sum(nil)), object.Join(err, rc.Close())
}
