package report

import (
	"fmt"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

// Finding is something that a check found. Its message type is "error", or "note" if it is
// no damage.
type Finding struct {
	Head
	repo.Finding
	Files []AffectedFile `json:"files,omitempty" doc:"the first of the files it affects"`
	Next  string         `json:"next,omitempty" doc:"what to do about it"`
}

// AffectedFile is a file that can't be restored because of a finding.
type AffectedFile struct {
	Snapshot   snapshot.ID `json:"snapshot"`
	Path       string      `json:"path"`
	PathBase64 string      `json:"path_base64,omitempty" doc:"if it is not UTF-8"`
	Dir        bool        `json:"dir,omitempty" doc:"all in it is affected"`
}

// NewFinding returns a Finding with the next step.
func NewFinding(f repo.Finding, next string) Finding {
	out := Finding{Head: Head{"note"}, Finding: f, Next: next}
	if f.IsDamage() {
		out.MessageType = "error"
	}
	for _, a := range f.Files {
		out.Files = append(out.Files, AffectedFile{a.Snapshot, a.Path, base64Of(a.Path), a.Dir})
	}
	return out
}

// CheckSummary is what came of a check.
type CheckSummary struct {
	Head
	Errors int `json:"num_errors"`
	repo.CheckReport
	SecondsElapsed float64 `json:"seconds_elapsed"`
}

// NewCheckSummary returns a CheckSummary.
func NewCheckSummary(r repo.CheckReport, errors int, took time.Duration) CheckSummary {
	return CheckSummary{Head{"summary"}, errors, r, took.Seconds()}
}

// PruneSummary is what came of a prune. The costs are those of a dry run.
type PruneSummary struct {
	Head
	DryRun bool `json:"dry_run"`
	repo.PruneReport
	LockedFirst    *time.Time    `json:"locked_first" doc:"when the first lock ends, or null"`
	LockedLast     *time.Time    `json:"locked_last"`
	StalePending   []snapshot.ID `json:"stale_pending"`
	Left           []string      `json:"left" doc:"what is wrong with packs that were left alone"`
	SecondsElapsed float64       `json:"seconds_elapsed"`
	repo.Cost
}

// NewPruneSummary returns a PruneSummary.
func NewPruneSummary(r repo.PruneReport, took time.Duration, dryRun bool) PruneSummary {
	out := PruneSummary{
		Head: Head{"summary"}, DryRun: dryRun, PruneReport: r, StalePending: []snapshot.ID{}, Left: []string{},
		SecondsElapsed: took.Seconds(), Cost: r.Cost,
	}
	out.Waiting = list(r.Waiting)
	if !r.LockedFirst.IsZero() {
		out.LockedFirst = &r.LockedFirst
	}
	if !r.LockedLast.IsZero() {
		out.LockedLast = &r.LockedLast
	}
	for _, m := range r.Stale {
		out.StalePending = append(out.StalePending, m.ID)
	}
	for _, err := range r.Left {
		out.Left = append(out.Left, err.Error())
	}
	return out
}

// IndexRepaired is what came of making the index from the packs.
type IndexRepaired struct {
	Head
	repo.IndexRepair
	PacksDamaged int `json:"packs_damaged"`
}

// NewIndexRepaired returns an IndexRepaired.
func NewIndexRepaired(r repo.IndexRepair) IndexRepaired {
	return IndexRepaired{Head{"summary"}, r, len(r.Damaged)}
}

// PacksRepaired is what came of salvaging damaged packs.
type PacksRepaired struct {
	Head
	Damaged  []string         `json:"packs_damaged"`  // ids of the packs that were removed
	Salvaged int64            `json:"blobs_salvaged"` // chunks and trees that were moved to new packs
	Lost     int64            `json:"blobs_lost"`     // chunks and trees that are in no pack any more
	Whole    []string         `json:"packs_of_others"`
	Denied   []string         `json:"packs_denied"`
	Unread   map[string]int64 `json:"bytes_unread" doc:"by the id of a pack"`
}

// NewPacksRepaired returns a PacksRepaired.
func NewPacksRepaired(r repo.PackRepair) PacksRepaired {
	out := PacksRepaired{
		Head: Head{"summary"}, Salvaged: r.Salvaged, Lost: r.Lost,
		Damaged: texts(r.Damaged), Whole: list(texts(r.Whole)), Denied: list(texts(r.Denied)), Unread: map[string]int64{},
	}
	for id, n := range r.Unread {
		out.Unread[id.String()] = n
	}
	return out
}

// texts returns ids as texts, nil for none.
func texts[T fmt.Stringer](ids []T) (out []string) {
	for _, id := range ids {
		out = append(out, id.String())
	}
	return out
}

// LostPath is a path that a snapshot has lost.
type LostPath struct {
	Head
	SnapshotID snapshot.ID `json:"snapshot_id"`
	Path       string      `json:"path"`
	PathBase64 string      `json:"path_base64" doc:"if it is not UTF-8, or empty"`
	Dir        bool        `json:"dir"`
	Error      Cause       `json:"error"`
}

// NewLostPath returns a LostPath. The path is relative to the root of the snapshot.
func NewLostPath(m *snapshot.Manifest, path string, e *snapshot.Entry, why error) LostPath {
	return LostPath{Head{"lost"}, m.ID, "/" + path, base64Of(path), e.Type == snapshot.Dir, Cause{why.Error()}}
}

// SnapshotRepaired is what became of a snapshot that isn't whole.
type SnapshotRepaired struct {
	Head
	repo.SnapshotRepair
	RepairedID snapshot.ID `json:"repaired_id,omitzero" doc:"what was made of it"`
	Error      string      `json:"error,omitempty" doc:"why it can't be read"`
}

// NewSnapshotRepaired returns a SnapshotRepaired.
func NewSnapshotRepaired(r repo.SnapshotRepair) SnapshotRepaired {
	out := SnapshotRepaired{Head: Head{"repaired"}, SnapshotRepair: r}
	if r.Repaired != nil {
		out.RepairedID = r.Repaired.ID
	}
	if r.Err != nil {
		out.Error = r.Err.Error()
	}
	return out
}

// Rewritten names a snapshot, and what was made of it without some of what it held.
type Rewritten struct {
	Head
	SnapshotID  snapshot.ID `json:"snapshot_id"`
	RewrittenID snapshot.ID `json:"rewritten_id"`
	Dropped     int         `json:"dropped" doc:"entries"`
	DryRun      bool        `json:"dry_run"`
}

// NewRewritten returns a Rewritten.
func NewRewritten(original, rewritten snapshot.ID, dropped int, dryRun bool) Rewritten {
	return Rewritten{Head{"rewritten"}, original, rewritten, dropped, dryRun}
}
