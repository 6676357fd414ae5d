package repo

import (
	"context"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/replica"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
)

// HealOptions say how a repository and a replica are repaired from each other. The zero
// value finds objects that are missing, or of another size.
type HealOptions struct {
	ReadData bool // read every byte on both to find damage
	// Suspects are names of objects, such as Served returns. If there are any, only these
	// are read. Packs, index deltas and snapshots are repaired here; the replica stays as it
	// is, and needn't be writable.
	Suspects []string
	// Snapshots brings back all snapshots that only the replica has, not only those
	// that were surely lost.
	Snapshots bool
	Workers   int // 0 is as many as processors

	// Progress is called now and then, by one goroutine at a time.
	Progress func(Progress)
}

// A HealReport says what Heal did.
type HealReport struct {
	Compared Comparison `json:"-"` // as it was before

	// These count what was repaired here: packs, and the chunks and trees of these that are
	// now in new packs; index deltas whose packs are listed again; snapshots that were
	// brought back under another id; and other objects.
	Packs     int64 `json:"packs"`
	Blobs     int64 `json:"blobs"`
	Deltas    int64 `json:"deltas"`
	Snapshots int64 `json:"snapshots"`
	Objects   int64 `json:"objects"`

	// Replica counts what was repaired on the replica, copied to it and removed from it. It
	// is zero if there were Suspects.
	Replica ReplicateReport `json:"-"`
	// Lost names what can't be repaired, because it is damaged or missing on both.
	Lost []error `json:"-"`
	// Unexplained are snapshots that only the replica has and that may have been forgotten
	// here. They stay where they are.
	Unexplained []snapshot.ID `json:"unexplained"`
	// Complete is set if Heal came to its end: everything is repaired that is not in Lost.
	Complete bool `json:"-"`
}

// Heal repairs the repository and its replica from each other. Objects that are damaged or
// missing on the replica are copied there again. Objects that are damaged or missing here are
// stored under new names: chunks and trees in new packs, as by a run, and snapshots as by
// Undelete. An old name is not used again, because a run that was about to delete the object
// and counts as dead may still delete it.
//
// Others may use the repository meanwhile. If something can't be repaired, the error matches
// ErrDamaged, and the report names it. The report is valid in any case.
func (m *Maintenance) Heal(ctx context.Context, to target.Target, o HealOptions) (HealReport, error) {
	r, err := replica.Heal(ctx, m.e, object.Paced(to, m.e.Pace), replica.HealOptions{
		ReadData: o.ReadData, Suspects: o.Suspects, Snapshots: o.Snapshots, Workers: o.Workers, Progress: progressTo(o.Progress),
	})
	return HealReport{
		Compared: comparisonOf(r.Compared), Packs: r.Packs, Blobs: r.Blobs, Deltas: r.Deltas, Snapshots: r.Snapshots, Objects: r.Objects,
		Replica: ReplicateReport(r.Replica), Lost: r.Lost, Unexplained: r.Unexplained, Complete: r.Complete,
	}, err
}

// Served returns the names of the objects that couldn't be read here and were read from a
// replica instead. With these as its Suspects, Heal repairs them.
func (m *Maintenance) Served() []string { return replica.Served(m.e) }
