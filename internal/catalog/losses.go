package catalog

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
)

// A loss is an object that lists lost blobs: their ids, 32 bytes each, sealed. Repair stores
// it. As long as it exists, a snapshot reads the files whose older version needs one of the
// blobs, and so stores the blobs again.

// MaxLoss bounds a loss's object, in bytes.
const MaxLoss = 1 << 30

// A LossSet is the blobs that the losses of a repository list.
type LossSet struct {
	ids   map[chunk.ID]bool
	names map[string][]chunk.ID // the blobs of each loss, by the name of its object
}

// Losses reads all losses. It leaves out a damaged one, so that damage to it prevents no
// snapshot.
func (c *Catalog) Losses(ctx context.Context) (LossSet, error) {
	out := LossSet{map[chunk.ID]bool{}, map[string][]chunk.ID{}}
	for info, err := range c.store.List(ctx, object.Losses) {
		if err != nil {
			return out, err
		}
		sealed, err := c.store.ReadAll(ctx, info.Name, MaxLoss)
		if errors.Is(err, fs.ErrNotExist) || object.IsDamage(err) {
			continue
		}
		if err != nil {
			return out, err
		}
		body, err := c.sealer.Open(seal.Loss, sealed)
		if err != nil {
			continue
		}
		var ids []chunk.ID
		for id := range slices.Chunk(body, chunk.IDSize) {
			if len(id) == chunk.IDSize {
				ids = append(ids, chunk.ID(id))
				out.ids[chunk.ID(id)] = true
			}
		}
		out.names[info.Name] = ids
	}
	return out, nil
}

// Matcher returns a function that reports whether a chunk is lost, or nil if none is.
func (l *LossSet) Matcher() func(chunk.ID) bool {
	if len(l.ids) == 0 {
		return nil
	}
	return func(id chunk.ID) bool { return l.ids[id] }
}

// PutLoss stores a loss that lists blobs.
func (c *Catalog) PutLoss(ctx context.Context, ids []chunk.ID) error {
	slices.SortFunc(ids, object.Compare)
	var body []byte
	for _, id := range ids {
		body = append(body, id[:]...)
	}
	sealed, err := c.sealer.Seal(seal.Loss, body)
	if err != nil {
		return err
	}
	return c.store.Put(ctx, object.Losses.HashName(sealed), sealed)
}

// RemoveLosses removes the losses whose blobs are all stored again.
func (c *Catalog) RemoveLosses(ctx context.Context, l LossSet, isStored func(chunk.ID) bool) error {
	for _, name := range slices.Sorted(maps.Keys(l.names)) {
		if slices.ContainsFunc(l.names[name], func(id chunk.ID) bool { return !isStored(id) }) {
			continue
		}
		if err := c.store.Remove(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// CheckLoss returns an error if a loss is damaged.
func (c *Catalog) CheckLoss(name string, sealed []byte) error {
	_, err := c.sealer.Open(seal.Loss, sealed)
	if err == nil && object.Losses.HashName(sealed) != name {
		err = object.ErrHash
	}
	return err
}
