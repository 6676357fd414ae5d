package repo

import (
	"context"

	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
)

// Stats say how large a repository is, and why.
type Stats struct {
	Snapshots int `json:"snapshots_count"`
	// Files and Bytes are those of all snapshots together, as if each were stored
	// on its own.
	Files uint64 `json:"total_file_count"`
	Bytes uint64 `json:"total_size"`
	// Chunks and trees that are stored, and their bytes before compression.
	Chunks     uint64 `json:"-"`
	ChunkBytes uint64 `json:"-"`
	Trees      uint64 `json:"-"`
	TreeBytes  uint64 `json:"-"`
	// Objects on the target, and their bytes.
	Packs         uint64 `json:"packs"`
	PackBytes     uint64 `json:"pack_bytes"`
	Deltas        uint64 `json:"-"`
	DeltaBytes    uint64 `json:"index_bytes"`
	Manifests     uint64 `json:"-"`
	ManifestBytes uint64 `json:"snapshot_bytes"`
	OtherBytes    uint64 `json:"-"`
}

// Stored returns the bytes of all objects.
func (s *Stats) Stored() uint64 { return s.PackBytes + s.DeltaBytes + s.ManifestBytes + s.OtherBytes }

func statsOf(ctx context.Context, e *engine.Engine) (Stats, error) {
	var s Stats
	for info, err := range e.Store.List(ctx, "") {
		if err != nil {
			return s, err
		}
		size := uint64(info.Size)
		switch {
		case object.Packs.Has(info.Name):
			s.Packs++
			s.PackBytes += size
		case object.Deltas.Has(info.Name):
			s.Deltas++
			s.DeltaBytes += size
		case object.Snapshots.Has(info.Name):
			s.Manifests++
			s.ManifestBytes += size
		default:
			s.OtherBytes += size
		}
	}
	if err := e.Blobs.WithIndex(ctx, s.countBlobs); err != nil {
		return s, err
	}
	all, err := everySnapshot(ctx, e)
	for _, m := range all {
		s.Snapshots++
		s.Files += m.Stats.Files
		s.Bytes += m.Stats.Bytes
	}
	return s, err
}

// countBlobs counts what the index knows.
func (s *Stats) countBlobs(x *index.Index) error {
	s.Chunks, s.ChunkBytes, s.Trees, s.TreeBytes = 0, 0, 0, 0
	for item, err := range x.All() {
		if err != nil {
			return err
		}
		if item.Pack.IsTree() {
			s.Trees++
			s.TreeBytes += uint64(item.Length)
		} else {
			s.Chunks++
			s.ChunkBytes += uint64(item.Length)
		}
	}
	return nil
}
