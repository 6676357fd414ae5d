package report

import (
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

// Twin says that a twin was made.
type Twin struct {
	Head
	Repository string `json:"repository"`
	ID         string `json:"id"`
}

// NewTwin returns a Twin at a location.
func NewTwin(location, id string) Twin { return Twin{Head{"twin"}, location, id} }

// CopyStatus is how far a copy has come.
type CopyStatus struct {
	Head
	SecondsElapsed int   `json:"seconds_elapsed"`
	SnapshotsDone  int64 `json:"snapshots_done"`
	TotalSnapshots int64 `json:"total_snapshots"`
	BytesRead      int64 `json:"bytes_read"`
	BytesStored    int64 `json:"bytes_stored"`
}

// NewCopyStatus returns a CopyStatus.
func NewCopyStatus(u repo.CopyProgress) CopyStatus {
	r := u.Report
	return CopyStatus{Head{"status"}, int(u.Elapsed.Seconds()), r.Copied + r.Failed, u.Total, r.BytesRead, r.BytesStored}
}

// Copied names a snapshot that was copied, and what it is in the other repository.
type Copied struct {
	Head
	Original   snapshot.ID `json:"original"`
	SnapshotID snapshot.ID `json:"snapshot_id"`
}

// NewCopied returns a Copied.
func NewCopied(original, copied snapshot.ID) Copied {
	return Copied{Head{"copied"}, original, copied}
}

// CopySummary is what came of a copy.
type CopySummary struct {
	Head
	repo.CopyReport
	SecondsElapsed float64 `json:"seconds_elapsed"`
}

// NewCopySummary returns a CopySummary.
func NewCopySummary(r repo.CopyReport, took time.Duration) CopySummary {
	return CopySummary{Head{"summary"}, r, took.Seconds()}
}

// Replicated is what came of bringing one replica up to date.
type Replicated struct {
	Head
	Replica  string `json:"replica"`
	Complete bool   `json:"complete"`
	repo.ReplicateReport
	Damaged        int     `json:"damaged" doc:"objects that can't be copied"`
	SecondsElapsed float64 `json:"seconds_elapsed"`
}

// NewReplicated returns a Replicated of the replica at a location.
func NewReplicated(location string, r repo.ReplicateReport, took time.Duration, complete bool) Replicated {
	return Replicated{Head{"replicated"}, location, complete, r, len(r.Damaged), took.Seconds()}
}

// Promoted says that a replica is a repository of its own now.
type Promoted struct {
	Head
	Repository string `json:"repository"`
}

// NewPromoted returns a Promoted.
func NewPromoted(location string) Promoted { return Promoted{Head{"promoted"}, location} }

// Healed is what was mended in the repository and in one replica.
type Healed struct {
	Head
	Replica     string `json:"replica"`
	Differences int    `json:"differences"`
	repo.HealReport
	ReplicaObjects int64 `json:"replica_objects" doc:"repaired there"`
	ReplicaBytes   int64 `json:"replica_bytes"`
	Lost           int   `json:"lost" doc:"objects that can't be repaired"`
}

// NewHealed returns a Healed of the replica at a location.
func NewHealed(location string, r repo.HealReport) Healed {
	return Healed{Head{"healed"}, location, len(r.Compared.Differences), r, r.Replica.Objects, r.Replica.Bytes, len(r.Lost)}
}

// Difference is an object that isn't the same in the repository and in one replica.
type Difference struct {
	Head
	Replica string `json:"replica"`
	repo.Difference
}

// NewDifference returns a Difference from the replica at a location.
func NewDifference(location string, d repo.Difference) Difference {
	return Difference{Head{"difference"}, location, d}
}

// Compared is what came of comparing the repository with one replica.
type Compared struct {
	Head
	Replica string `json:"replica"`
	repo.Comparison
	Differences int `json:"differences"`
}

// NewCompared returns a Compared of the replica at a location.
func NewCompared(location string, c repo.Comparison) Compared {
	return Compared{Head{"compared"}, location, c, len(c.Differences)}
}
