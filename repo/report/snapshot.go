package report

import (
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

// Snapshot is a snapshot in a list.
type Snapshot struct {
	ID             snapshot.ID   `json:"id"`
	ShortID        string        `json:"short_id"`
	Time           time.Time     `json:"time" doc:"when it ended"`
	Hostname       string        `json:"hostname"`
	Username       string        `json:"username"`
	Paths          []string      `json:"paths"`
	PathsBase64    []string      `json:"paths_base64,omitempty" doc:"if one of them is not UTF-8"`
	Tags           []string      `json:"tags,omitempty"`
	Tree           string        `json:"tree" doc:"its id"`
	Parent         snapshot.ID   `json:"parent,omitzero"`
	Previous       snapshot.ID   `json:"previous,omitzero"`
	Number         uint64        `json:"number"`
	Original       snapshot.ID   `json:"original,omitzero"`
	Pinned         bool          `json:"pinned,omitempty"`
	PinnedUntil    time.Time     `json:"pinned_until,omitzero"`
	ProgramVersion string        `json:"program_version"`
	Excludes       []string      `json:"excludes,omitempty"`
	Kind           snapshot.Kind `json:"kind,omitempty" doc:"where it is no source version"`
	Level          string        `json:"level" doc:"how much was proven: full, differential or incremental"`
	Profile        string        `json:"profile,omitempty" doc:"whose job took it"`
	Slot           time.Time     `json:"slot,omitzero" doc:"when the run of the job was due"`
	Installation   string        `json:"installation,omitempty" doc:"id of the installation that took it"`
	SinceFull      *SinceFull    `json:"since_full,omitempty" doc:"of the source, if it has a full snapshot"`
	Good           bool          `json:"good"`
	Missing        []string      `json:"missing,omitempty" doc:"paths"`
	Summary        Counts        `json:"summary"`
}

// Counts are what a snapshot consists of, and what it took.
type Counts struct {
	Start time.Time `json:"backup_start"`
	End   time.Time `json:"backup_end"`
	snapshot.Stats
	DataAdded       uint64 `json:"data_added" doc:"bytes of data and trees"`
	DataAddedPacked uint64 `json:"data_added_packed" doc:"bytes these took"`
	Skipped         uint64 `json:"skipped" doc:"paths that rules left out"`
	Errors          uint64 `json:"errors" doc:"paths that could not be read correctly"`
}

// NewSnapshot returns a Snapshot of a manifest.
func NewSnapshot(m *snapshot.Manifest) Snapshot {
	out := Snapshot{
		ID: m.ID, ShortID: m.ID.Short(), Time: m.End, Hostname: m.Hostname, Username: m.Username,
		Paths: m.Paths, PathsBase64: pathsBase64(m.Paths), Tags: m.Tags, Tree: m.Root.Subtree.String(),
		Parent: m.Parent, Previous: m.Previous, Number: m.Number, Original: m.Original,
		ProgramVersion: m.Program, Excludes: m.Excludes, Kind: m.Kind, Level: m.Level.String(), Profile: m.Job.Profile, Slot: m.Job.Slot,
		Good: m.Good(), Missing: missing(m), Summary: countsOf(m),
	}
	if m.Pin != nil {
		out.Pinned, out.PinnedUntil = true, m.Pin.Until
	}
	if !m.Job.Installation.IsZero() {
		out.Installation = m.Job.Installation.String()
	}
	return out
}

// SinceFull is what was added since the last full snapshot of a source.
type SinceFull struct {
	Full      snapshot.ID `json:"id" doc:"of the full snapshot"`
	DataAdded uint64      `json:"data_added" doc:"bytes of data and trees"`
	Forgotten uint64      `json:"forgotten,omitempty" doc:"snapshots since then that are not counted"`
}

// NewSinceFull returns a SinceFull.
func NewSinceFull(s snapshot.SinceFull) *SinceFull { return &SinceFull{s.Full.ID, s.Bytes, s.Missing} }

func countsOf(m *snapshot.Manifest) Counts {
	s := m.Stats
	return Counts{
		Start: m.Start, End: m.End, Stats: s, DataAdded: s.DataAdded + s.TreeAdded, DataAddedPacked: s.DataStored + s.TreeStored,
		Skipped: m.Skipped.Total, Errors: m.Problems.Total,
	}
}

// pathsBase64 returns the bytes of all paths if one of them is not UTF-8.
func pathsBase64(paths []string) (out []string) {
	some := false
	for _, path := range paths {
		out = append(out, base64Of(path))
		some = some || out[len(out)-1] != ""
	}
	if !some {
		return nil
	}
	return out
}

func missing(m *snapshot.Manifest) (paths []string) {
	for _, missing := range m.Missing {
		paths = append(paths, missing.Path)
	}
	return paths
}

// SnapshotStatus is how far a snapshot has come.
type SnapshotStatus struct {
	Head
	SecondsElapsed int      `json:"seconds_elapsed"`
	FilesDone      uint64   `json:"files_done"`
	BytesDone      uint64   `json:"bytes_done"`
	ErrorCount     int      `json:"error_count" doc:"always 0"`
	CurrentFiles   []string `json:"current_files" doc:"the directory that is read"`
	*Total
}

// NewSnapshotStatus returns a SnapshotStatus. The counts files and bytes are of the whole
// source, or 0 if they are unknown.
func NewSnapshotStatus(u repo.SnapshotProgress, files, bytes uint64) SnapshotStatus {
	return SnapshotStatus{
		Head{"status"}, int(u.Elapsed.Seconds()), u.Stats.Files, u.Stats.Bytes, 0, []string{u.Current}, totalOf(u.Stats.Bytes, files, bytes),
	}
}

// SnapshotSummary is what came of a snapshot. The costs are those of a dry run.
type SnapshotSummary struct {
	Head
	SnapshotID snapshot.ID `json:"snapshot_id" doc:"empty in a dry run"`
	DryRun     bool        `json:"dry_run"`
	Time       time.Time   `json:"time" doc:"when it ended"`
	Hostname   string      `json:"hostname"`
	Paths      []string    `json:"paths"`
	Level      string      `json:"level" doc:"full, differential or incremental"`
	Good       bool        `json:"good"`
	Missing    []string    `json:"missing" doc:"paths"`
	Unmatched  []string    `json:"unmatched_excludes" doc:"patterns that matched nothing"`
	Counts
	BytesRead     uint64  `json:"bytes_read"`
	VerifiedBytes uint64  `json:"verified_bytes,omitempty" doc:"stored data that a full snapshot read back"`
	HealedBytes   uint64  `json:"healed_bytes,omitempty" doc:"damaged data that a full snapshot stored again"`
	TotalDuration float64 `json:"total_duration" doc:"in seconds"`
	repo.Cost
}

// NewSnapshotSummary returns the SnapshotSummary of a manifest.
func NewSnapshotSummary(m *snapshot.Manifest, cost repo.Cost, unmatched []string, dryRun bool) SnapshotSummary {
	out := SnapshotSummary{
		Head: Head{"summary"}, SnapshotID: m.ID, DryRun: dryRun, Time: m.End, Hostname: m.Hostname, Paths: m.Paths,
		Level: m.Level.String(), Good: m.Good(), Missing: missing(m), Unmatched: unmatched, Counts: countsOf(m),
		BytesRead: m.Stats.BytesRead, VerifiedBytes: m.Stats.Verified, HealedBytes: m.Stats.Healed, TotalDuration: m.End.Sub(m.Start).Seconds(), Cost: cost,
	}
	if dryRun {
		out.SnapshotID = snapshot.ID{}
	}
	return out
}
