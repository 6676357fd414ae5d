package report

import (
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

// RestoreStatus is how far a restore has come.
type RestoreStatus struct {
	Head
	SecondsElapsed int   `json:"seconds_elapsed"`
	FilesRestored  int64 `json:"files_restored"`
	BytesRestored  int64 `json:"bytes_restored"`
	*Total
}

// NewRestoreStatus returns a RestoreStatus.
func NewRestoreStatus(u repo.RestoreProgress) RestoreStatus {
	return RestoreStatus{
		Head{"status"}, int(u.Elapsed.Seconds()), u.Report.Files, u.Report.Bytes, totalOf(uint64(u.Done), u.Whole.Files, uint64(u.Total)),
	}
}

// RestoreAction is what is done to one path, or would be.
type RestoreAction struct {
	Head
	Action string `json:"action" doc:"create, replace, touch, delete or spare"`
	Item   string `json:"item"`
	Size   *int64 `json:"size,omitempty"`
	Reason string `json:"reason,omitempty" doc:"why it is spared"`
}

// NewRestoreAction returns the RestoreAction of an update that has one, or that names
// what is spared.
func NewRestoreAction(u repo.RestoreProgress) RestoreAction {
	out := RestoreAction{Head: Head{"verbose_status"}, Action: string(u.Action), Item: u.Path}
	if u.Spared != "" {
		out.Action, out.Reason = "spare", u.Spared
	} else {
		out.Size = &u.Entry.Size
	}
	return out
}

// Elsewhere names another snapshot that has a file whole which can't be restored.
type Elsewhere struct {
	Head
	Item       string      `json:"item"`
	SnapshotID snapshot.ID `json:"snapshot_id"`
	Time       time.Time   `json:"time" doc:"when it began"`
}

// NewElsewhere returns the Elsewhere of an update that names such a snapshot.
func NewElsewhere(u repo.RestoreProgress) Elsewhere {
	return Elsewhere{Head{"elsewhere"}, u.Path, u.Elsewhere.ID, u.Elsewhere.Start}
}

// Leftover says what an interrupted restore has moved aside.
type Leftover struct {
	Head
	Item    string `json:"item"`
	Message string `json:"message"`
}

// NewLeftover returns the Leftover of an update that has one.
func NewLeftover(u repo.RestoreProgress) Leftover {
	return Leftover{Head{"leftover"}, u.Path, u.Leftover}
}

// RestoreSummary is what came of a restore.
type RestoreSummary struct {
	Head
	SnapshotID snapshot.ID `json:"snapshot_id"`
	Hostname   string      `json:"hostname"`
	Paths      []string    `json:"paths"`
	Time       time.Time   `json:"time" doc:"when the snapshot ended"`
	DryRun     bool        `json:"dry_run"`
	TotalFiles int64       `json:"total_files" doc:"directories and others too"`
	repo.RestoreReport
	FilesRestored  int64   `json:"files_restored" doc:"created or replaced"`
	SecondsElapsed float64 `json:"seconds_elapsed"`
}

// NewRestoreSummary returns the RestoreSummary of a snapshot.
func NewRestoreSummary(m *snapshot.Manifest, r repo.RestoreReport, took time.Duration, dryRun bool) RestoreSummary {
	return RestoreSummary{
		Head{"summary"}, m.ID, m.Hostname, m.Paths, m.End, dryRun, r.Files + r.Dirs + r.Others,
		r, r.Created + r.Replaced, took.Seconds(),
	}
}

// Mounted says that a mount can be used.
type Mounted struct {
	Head
	Mountpoint string `json:"mountpoint"`
	Snapshots  int    `json:"snapshots"`
}

// NewMounted returns a Mounted.
func NewMounted(mountpoint string, snapshots int) Mounted {
	return Mounted{Head{"mounted"}, mountpoint, snapshots}
}
