package repo

import (
	"context"

	"github.com/qsnap/qsnap/internal/check"
	"github.com/qsnap/qsnap/snapshot"
)

// CheckOptions say how thoroughly a repository is checked. The zero value checks
// that every snapshot reaches only what exists, and reads everything except file data.
type CheckOptions struct {
	ReadData bool // read every byte of every pack, too
	// Part of the packs to read, from 1, if they are divided into Of parts, which
	// are always the same. Zero is all.
	Part, Of int
	// Percent of the packs to read, chosen at random. Zero is all.
	Percent float64
	Workers int // 0 is as many as processors

	// Progress is called now and then, by one goroutine at a time.
	Progress func(Progress)
}

// The phases of Check. RepairPacks has the first of them, too.
const (
	PhasePacks     Phase = check.PhasePacks     // reading packs, in UnitBytes
	PhaseSnapshots Phase = check.PhaseSnapshots // reading snapshots, in UnitSnapshots
)

// A FindingKind says what a finding of a check is about.
type FindingKind string

// The kinds of findings. All but FindingUnlisted, FindingForeign and FindingPassing are
// damage.
const (
	FindingBadConfig       FindingKind = "config"           // a copy of the config can't be read
	FindingBadKey          FindingKind = "key"              // a key slot can't be read
	FindingBadDelta        FindingKind = "index delta"      // an index delta can't be read
	FindingMissingPack     FindingKind = "missing pack"     // a pack that a delta lists isn't there
	FindingBadPack         FindingKind = "pack"             // a pack, or a part of it, can't be read
	FindingBadManifest     FindingKind = "snapshot"         // a manifest can't be read
	FindingMissingManifest FindingKind = "missing snapshot" // one that a later one follows isn't there
	FindingHidden          FindingKind = "hidden object"    // somebody has deleted or replaced it though it is locked
	FindingLost            FindingKind = "lost"             // a chunk or tree that is in no pack at all
	FindingUnlisted        FindingKind = "unlisted pack"    // no index delta lists it: a session still runs, or was interrupted
	FindingForeign         FindingKind = "foreign object"   // not made by qsnap
	FindingBadRecord       FindingKind = "record"           // what was forgotten, marked or lost can't be read
	FindingPassing         FindingKind = "passing object"   // a small object can't be read, and will be removed or replaced
)

// A Finding is something that isn't as it should be.
type Finding struct {
	Kind   FindingKind `json:"kind"`
	Object string      `json:"object"`  // its name on the target; of what is lost, a chunk or tree id
	What   string      `json:"message"` // what is wrong with it
	// Files are the first of those that can't be restored because of it; Total is
	// how many there are, in all snapshots.
	Files []AffectedFile `json:"-"`
	Total int            `json:"total_files,omitempty"`
}

// IsDamage reports whether a finding means that something can't be read.
func (f Finding) IsDamage() bool { return check.Kind(f.Kind).IsDamage() }

// An AffectedFile is a file, or a directory with all in it, of a snapshot.
type AffectedFile struct {
	Snapshot snapshot.ID
	Path     string
	Dir      bool
}

// A CheckReport is what a check has found.
type CheckReport struct {
	Findings  []Finding `json:"-"`
	Snapshots int       `json:"snapshots"`
	Trees     int       `json:"trees"`
	Packs     int       `json:"packs"`
	PackBytes int64     `json:"pack_bytes"` // of all packs
	BytesRead int64     `json:"bytes_read"` // of packs, to check their data
}

// Damaged reports whether any finding is damage.
func (r CheckReport) Damaged() bool {
	for i := range r.Findings {
		if r.Findings[i].IsDamage() {
			return true
		}
	}
	return false
}

// Check looks for damage, and says which files of which snapshots it affects. Damage is
// in the report, and an error that matches ErrDamaged, with a *DamageError for each
// finding, comes with it. Any other error is of the target or the context; the report then
// has what was found before. It never waits for anyone and may run beside anything.
func (r *Repo) Check(ctx context.Context, o CheckOptions) (CheckReport, error) {
	report, err := check.Run(ctx, r.e, check.Options{
		ReadData: o.ReadData, Part: o.Part, Of: o.Of, Percent: o.Percent, Workers: o.Workers,
		Progress: progressTo(o.Progress),
	})
	return checkReport(report), err
}

func checkReport(r check.Report) CheckReport {
	out := CheckReport{nil, r.Snapshots, r.Trees, r.Packs, r.PackBytes, r.BytesRead}
	for _, f := range r.Findings {
		finding := Finding{Kind: FindingKind(f.Kind), Object: f.Object, What: f.What, Total: f.Total}
		for _, a := range f.Files {
			finding.Files = append(finding.Files, AffectedFile(a))
		}
		out.Findings = append(out.Findings, finding)
	}
	return out
}
