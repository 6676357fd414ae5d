package repo

import (
	"context"

	"github.com/qsnap/qsnap/internal/usage"
)

// Stats are the totals of a repository.
type Stats struct {
	Snapshots int `json:"snapshots_count"`
	// Files and Bytes are the sums over all snapshots, as if each were stored by itself.
	Files int64 `json:"total_file_count"`
	Bytes int64 `json:"total_size"`
	// Chunks and pages of trees that are stored, and their bytes before compression.
	Chunks     int64 `json:"-"`
	ChunkBytes int64 `json:"-"`
	Trees      int64 `json:"-"`
	TreeBytes  int64 `json:"-"`
	// Objects on the target, and their bytes.
	Packs         int64 `json:"packs"`
	PackBytes     int64 `json:"pack_bytes"`
	Deltas        int64 `json:"-"`
	DeltaBytes    int64 `json:"index_bytes"`
	Manifests     int64 `json:"-"`
	ManifestBytes int64 `json:"snapshot_bytes"`
	OtherBytes    int64 `json:"-"`
}

// Stored returns the bytes of all objects.
func (s *Stats) Stored() int64 { return s.PackBytes + s.DeltaBytes + s.ManifestBytes + s.OtherBytes }

// Stats counts what the repository stores. With an error, it holds what was counted so far.
func (r *Repo) Stats(ctx context.Context) (Stats, error) {
	s, err := usage.Count(ctx, r.e)
	return Stats(s), err
}
