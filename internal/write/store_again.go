package write

import (
	"context"
	"maps"
	"slices"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// TreatAsAbsent sets which packs count as absent, beside those that were found damaged.
func (s *Session) TreatAsAbsent(absent func(pack.ID) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.absent = absent
}

// IsAbsent reports whether a pack counts as absent.
func (s *Session) IsAbsent(id pack.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.isAbsent(id)
}

// isAbsent is IsAbsent for callers that hold mu.
func (s *Session) isAbsent(id pack.ID) bool { return s.absent(id) || s.damaged[id] != nil }

// unreliable returns the blobs that the manifest reaches and that no reliable pack holds. The
// value is true for trees. If a tree can't be read at all, the error is a *blob.LostError.
func (p *publication) unreliable(ctx context.Context) (map[chunk.ID]bool, error) {
	s := p.s
	if err := s.refresh(ctx); err != nil {
		return nil, err
	}
	lost, seen := map[chunk.ID]bool{}, map[chunk.ID]bool{}
	err := snapshot.ReachAll(ctx, s.e.Blobs, p.m, func(id chunk.ID, tree bool) (bool, error) {
		if seen[id] {
			return false, nil
		}
		seen[id] = true
		if !s.Has(id) {
			lost[id] = tree
		}
		return true, nil
	})
	return lost, err
}

// refresh brings the index up to date.
func (s *Session) refresh(ctx context.Context) error {
	err := s.e.Blobs.Refresh(ctx, s.index, false)
	if index.IsDamaged(err) {
		err = s.e.Blobs.Refresh(ctx, s.index, true)
	}
	return err
}

// ForceStore makes the next Put of a blob store it, even if the repository has it.
func (s *Session) ForceStore(id chunk.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forced[id] = struct{}{}
}

// storeAgain stores blobs again, from any readable copies.
func (s *Session) storeAgain(ctx context.Context, lost map[chunk.ID]bool) error {
	data := s.ChunkWriter()
	for _, id := range slices.SortedFunc(maps.Keys(lost), object.Compare) {
		tree := lost[id]
		b, err := s.e.Blobs.Blob(ctx, id, tree)
		if err != nil {
			return err
		}
		s.ForceStore(id)
		if tree {
			_, err = s.PutTree(ctx, b)
		} else {
			_, err = data.Put(ctx, b)
		}
		if err != nil {
			return err
		}
	}
	if err := data.Flush(ctx); err != nil {
		return err
	}
	return s.Flush()
}
