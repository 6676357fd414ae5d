package repo

import (
	"context"
	"strings"

	"github.com/qsnap/qsnap/index"
)

// Stats say how large a repository is, and why.
type Stats struct {
	Snapshots int
	// Files and Bytes are those of all snapshots together, as if each were stored
	// on its own.
	Files, Bytes uint64
	// Chunks and trees that are stored, and their bytes before compression.
	Chunks, ChunkBytes uint64
	Trees, TreeBytes   uint64
	// Objects on the target, and their bytes.
	Packs, PackBytes         uint64
	Deltas, DeltaBytes       uint64
	Manifests, ManifestBytes uint64
	OtherBytes               uint64
}

// Stored returns the bytes of all objects.
func (s *Stats) Stored() uint64 { return s.PackBytes + s.DeltaBytes + s.ManifestBytes + s.OtherBytes }

// Stats counts what the repository holds.
func (r *Repo) Stats(ctx context.Context) (Stats, error) {
	var s Stats
	for info, err := range r.target.List(ctx, "") {
		if err != nil {
			return s, err
		}
		size := uint64(info.Size)
		switch {
		case strings.HasPrefix(info.Name, packsPrefix):
			s.Packs++
			s.PackBytes += size
		case strings.HasPrefix(info.Name, indexPrefix):
			s.Deltas++
			s.DeltaBytes += size
		case strings.HasPrefix(info.Name, snapshotPrefix):
			s.Manifests++
			s.ManifestBytes += size
		default:
			s.OtherBytes += size
		}
	}
	if err := r.persist(ctx, s.countBlobs); err != nil {
		return s, err
	}
	all, err := r.everySnapshot(ctx)
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
