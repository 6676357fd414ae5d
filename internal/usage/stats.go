package usage

import (
	"context"

	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
)

// Stats are the totals of a repository.
type Stats struct {
	Snapshots int
	// Files and Bytes are the sums over all snapshots.
	Files int64
	Bytes int64
	// Chunks and pages of trees in packs, and their bytes before compression.
	Chunks     int64
	ChunkBytes int64
	Trees      int64
	TreeBytes  int64
	// Objects on the target, and their bytes.
	Packs         int64
	PackBytes     int64
	Deltas        int64
	DeltaBytes    int64
	Manifests     int64
	ManifestBytes int64
	OtherBytes    int64
}

// Count counts what a repository stores.
func Count(ctx context.Context, e *engine.Engine) (Stats, error) {
	var s Stats
	for info, err := range e.Store.List(ctx, "") {
		if err != nil {
			return s, err
		}
		switch {
		case object.Packs.Has(info.Name):
			s.Packs++
			s.PackBytes += info.Size
		case object.Deltas.Has(info.Name):
			s.Deltas++
			s.DeltaBytes += info.Size
		case object.Snapshots.Has(info.Name):
			s.Manifests++
			s.ManifestBytes += info.Size
		default:
			s.OtherBytes += info.Size
		}
	}
	if err := e.Blobs.WithIndex(ctx, s.countBlobs); err != nil {
		return s, err
	}
	all, err := e.Catalog.Every(ctx)
	for _, m := range all {
		s.Snapshots++
		s.Files += int64(m.Stats.Files)
		s.Bytes += int64(m.Stats.Bytes)
	}
	return s, err
}

// countBlobs counts what the index lists. It may be called again.
func (s *Stats) countBlobs(x *index.Index) error {
	s.Chunks, s.ChunkBytes, s.Trees, s.TreeBytes = 0, 0, 0, 0
	for item, err := range x.All() {
		if err != nil {
			return err
		}
		if item.Pack.IsTree() {
			s.Trees++
			s.TreeBytes += int64(item.Length)
		} else {
			s.Chunks++
			s.ChunkBytes += int64(item.Length)
		}
	}
	return nil
}
