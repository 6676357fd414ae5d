package repo

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"slices"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
)

// A loss is an object that repair leaves where blobs are lost: the ids of these, 32
// bytes each, sealed. As long as there is one, a snapshot reads again the files
// whose older version needs any of them, and so stores them anew.

const maxLoss = 1 << 30

// A lossSet is the blobs that are known to be lost, and the objects that say so.
type lossSet struct {
	ids   map[chunk.ID]bool
	names map[string][]chunk.ID
}

// losses reads what is known to be lost. An object that can't be read is no reason
// to make no snapshot: it is left out.
func (r *Repo) losses(ctx context.Context) (lossSet, error) {
	out := lossSet{map[chunk.ID]bool{}, map[string][]chunk.ID{}}
	for info, err := range r.store.List(ctx, object.Losses) {
		if err != nil {
			return out, err
		}
		sealed, err := r.store.ReadAll(ctx, info.Name, maxLoss)
		if errors.Is(err, fs.ErrNotExist) || object.IsDamage(err) {
			continue
		}
		if err != nil {
			return out, err
		}
		body, err := r.box.Open(seal.Loss, sealed)
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

// lostFunc returns what tells lost chunks, or nil if there are none.
func (l *lossSet) lostFunc() func(chunk.ID) bool {
	if len(l.ids) == 0 {
		return nil
	}
	return func(id chunk.ID) bool { return l.ids[id] }
}

// putLoss notes that blobs are lost.
func (r *Repo) putLoss(ctx context.Context, ids []chunk.ID) error {
	slices.SortFunc(ids, object.Compare)
	var body []byte
	for _, id := range ids {
		body = append(body, id[:]...)
	}
	sealed, err := r.box.Seal(seal.Loss, body)
	if err != nil {
		return err
	}
	return r.store.Put(ctx, object.Losses.HashName(sealed), sealed)
}

// hashName returns the name of an object that is named by its bytes.
func hashName(prefix string, sealed []byte) string {
	hash := blake3.Sum256(sealed)
	return prefix + hex.EncodeToString(hash[:])
}

// healed removes the losses all of whose blobs are stored again.
func (s *session) healed(ctx context.Context, l lossSet) error {
	for _, name := range slices.Sorted(maps.Keys(l.names)) {
		ids := l.names[name]
		if slices.ContainsFunc(ids, func(id chunk.ID) bool { return !s.stored(id) }) {
			continue
		}
		if err := s.r.store.Remove(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
