package report

import (
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/snapshot/retention"
)

// ForgetGroup is what a policy decided for the snapshots of one group.
type ForgetGroup struct {
	repo.Retained
	Keep   []Decision `json:"keep"`
	Remove []Decision `json:"remove"`
	DryRun bool       `json:"dry_run"`
}

// Decision is what a policy decided for one snapshot.
type Decision struct {
	ID      snapshot.ID `json:"id"`
	ShortID string      `json:"short_id"`
	Time    time.Time   `json:"time"`
	retention.Decision
}

// NewForgetGroups returns the ForgetGroup of each group.
func NewForgetGroups(groups []repo.Retained, dryRun bool) []ForgetGroup {
	out := []ForgetGroup{}
	for _, g := range groups {
		f := ForgetGroup{Retained: g, Keep: []Decision{}, Remove: []Decision{}, DryRun: dryRun}
		for _, d := range g.Decisions {
			one := Decision{d.Manifest.ID, d.Manifest.ID.Short(), d.Manifest.End, d}
			if d.Keep {
				f.Keep = append(f.Keep, one)
			} else {
				f.Remove = append(f.Remove, one)
			}
		}
		out = append(out, f)
	}
	return out
}

// Forgotten names snapshots that were forgotten.
type Forgotten struct {
	Head
	Snapshots []snapshot.ID `json:"snapshots"`
}

// NewForgotten returns a Forgotten.
func NewForgotten(ids []snapshot.ID) Forgotten { return Forgotten{Head{"forgotten"}, list(ids)} }

// Undeleted names a forgotten snapshot that is back under another id.
type Undeleted struct {
	Head
	SnapshotID snapshot.ID `json:"snapshot_id"`
	Original   snapshot.ID `json:"original"`
}

// NewUndeleted returns an Undeleted.
func NewUndeleted(id, original snapshot.ID) Undeleted {
	return Undeleted{Head{"undeleted"}, id, original}
}

// Adopted names a snapshot that was taken over from another host or installation.
type Adopted struct {
	Head
	SnapshotID snapshot.ID `json:"snapshot_id" doc:"empty in a dry run"`
	Original   snapshot.ID `json:"original" doc:"the snapshot that was taken over"`
	Hostname   string      `json:"hostname" doc:"whose it was"`
	Paths      []string    `json:"paths"`
	Time       time.Time   `json:"time" doc:"when it ended"`
	Left       string      `json:"left,omitempty" doc:"why the original is not forgotten"`
}

// NewAdopted returns an Adopted.
func NewAdopted(a repo.Adopted) Adopted {
	out := Adopted{Head: Head{"adopted"}, Original: a.Old.ID, Hostname: a.Old.Hostname, Paths: a.Old.Paths, Time: a.Old.End}
	if a.New != nil {
		out.SnapshotID = a.New.ID
	}
	if a.Left != nil {
		out.Left = a.Left.Error()
	}
	return out
}

// RepositoryStats say how large a repository is.
type RepositoryStats struct {
	repo.Stats
	Blobs             int64   `json:"total_blob_count"`
	UncompressedBytes int64   `json:"total_uncompressed_size"`
	CompressionRatio  float64 `json:"compression_ratio"`
	StoredBytes       int64   `json:"stored_bytes"`
}

// NewRepositoryStats returns RepositoryStats.
func NewRepositoryStats(s repo.Stats) RepositoryStats {
	out := RepositoryStats{Stats: s, Blobs: s.Chunks + s.Trees, UncompressedBytes: s.ChunkBytes + s.TreeBytes, StoredBytes: s.Stored()}
	if s.PackBytes > 0 {
		out.CompressionRatio = float64(out.UncompressedBytes) / float64(s.PackBytes)
	}
	return out
}

// SnapshotStats say how large a snapshot is, or a part of it.
type SnapshotStats struct {
	Snapshots  int    `json:"snapshots_count" doc:"always 1"`
	TotalSize  uint64 `json:"total_size"`
	TotalFiles int    `json:"total_file_count" doc:"directories and others too"`
	Files      int    `json:"files"`
	Dirs       int    `json:"dirs"`
	Others     int    `json:"others"`
}

// NewSnapshotStats returns SnapshotStats.
func NewSnapshotStats(s Side) SnapshotStats {
	return SnapshotStats{1, s.Bytes, s.Files + s.Dirs + s.Others, s.Files, s.Dirs, s.Others}
}

// Growth is what one snapshot added, and what forgetting it would free.
type Growth struct {
	ID           snapshot.ID `json:"id"`
	ShortID      string      `json:"short_id"`
	Time         time.Time   `json:"time"`
	Hostname     string      `json:"hostname"`
	Paths        []string    `json:"paths"`
	FilesNew     uint64      `json:"files_new"`
	FilesChanged uint64      `json:"files_changed"`
	repo.Growth
}

// NewGrowth returns a Growth.
func NewGrowth(g repo.Growth) Growth {
	m := g.Snapshot
	return Growth{m.ID, m.ID.Short(), m.End, m.Hostname, m.Paths, m.Stats.NewFiles, m.Stats.ChangedFiles, g}
}
