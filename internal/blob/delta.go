package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

// MaxDeltaBlobs bounds the blobs of a delta that lists several packs.
const MaxDeltaBlobs = 128 << 10

// ReadDelta reads a delta.
func (r *Reader) ReadDelta(ctx context.Context, id index.ID) (index.Delta, error) {
	d, _, err := r.ReadDeltaEpoch(ctx, id)
	return d, err
}

// ReadDeltaEpoch reads a delta. It also returns the epoch under which the delta is sealed.
func (r *Reader) ReadDeltaEpoch(ctx context.Context, id index.ID) (d index.Delta, epoch uint32, err error) {
	name := object.Deltas.Name(id)
	sealed, err := r.store.Read(ctx, name, id, object.MaxDelta)
	if err != nil {
		return nil, 0, err
	}
	body, err := r.sealer.Open(seal.IndexDelta, sealed)
	if err != nil {
		return nil, 0, object.OpenError(name, err)
	}
	header, err := seal.ParseHeader(sealed)
	if err == nil {
		d, err = index.ParseDelta(body)
	}
	if err != nil {
		return nil, 0, &object.DamageError{Object: name, Err: err}
	}
	return d, header.Epoch(), nil
}

// PutDelta stores a delta. size is the size of its object.
func (r *Reader) PutDelta(ctx context.Context, d index.Delta) (id index.ID, size int, err error) {
	sealed, err := r.sealer.Seal(seal.IndexDelta, d.Append(nil))
	if err != nil {
		return id, 0, err
	}
	id = blake3.Sum256(sealed)
	if err := r.store.Put(ctx, object.Deltas.Name(id), sealed); err != nil {
		return id, 0, fmt.Errorf("store index delta: %w", err)
	}
	r.store.Cache(object.CacheName(object.Deltas.Name(id)), sealed)
	return id, len(sealed), nil
}

// ListedInfo returns the entry of a pack in a delta, or nil if no delta lists the pack. It
// skips damaged deltas.
func (r *Reader) ListedInfo(ctx context.Context, id pack.ID) (*pack.Info, error) {
	for delta, err := range r.store.IDs(ctx, object.Deltas) {
		if err != nil {
			return nil, err
		}
		d, err := r.ReadDelta(ctx, delta.ID)
		if err != nil && !object.IsDamage(err) && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, p := range d {
			if p.ID == id {
				return p, nil
			}
		}
	}
	return nil, nil
}
