package repo

import (
	"context"
	"io"

	"github.com/qsnap/qsnap/internal/repair"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// An IndexRepair says what RepairIndex did.
type IndexRepair struct {
	Packs    int64   `json:"packs"`           // that are listed now
	Replaced int64   `json:"deltas_replaced"` // index deltas
	Damaged  []error `json:"-"`               // of packs that can't be listed; RepairPacks removes these
	// Lost is how many chunks and trees snapshots need and no pack holds.
	Lost int64 `json:"blobs_lost"`
}

// RepairIndex stores index deltas made from the packs alone, and removes the older
// ones. It also stores which chunks and trees snapshots need and no pack holds, so that the
// next snapshot of the same source stores them again if the source still has them.
func (m *Maintenance) RepairIndex(ctx context.Context) (IndexRepair, error) {
	report, err := repair.Index(ctx, m.e)
	return IndexRepair(report), err
}

// PackRepairOptions say which packs are repaired. The zero value is useful.
type PackRepairOptions struct {
	// Packs are those that may be damaged. None means that all are read to find out.
	Packs []pack.ID
	// Save is called with each damaged pack before any is removed, and may keep its bytes.
	// Bytes that a disk can't read are zeros. It isn't called for a pack of which no byte can
	// be read. If it returns an error, the repair ends and removes nothing. It may be nil.
	Save     func(id pack.ID, bytes io.Reader) error
	Workers  int // 0 is as many as processors
	Progress func(Progress)
}

// A PackRepair says what RepairPacks did.
type PackRepair struct {
	Damaged  []pack.ID // packs that were removed
	Salvaged int64     // chunks and trees that were moved to new packs
	Lost     int64     // chunks and trees that are in no pack any more
	// Whole are packs that this repository's keys don't open, although their bytes are those
	// their names were made from: another repository's. They are left alone.
	Whole []pack.ID
	// Denied are packs that may not be read (fs.ErrPermission). They may well be whole, so
	// they are left alone.
	Denied []pack.ID
	// Unread is how many bytes of a damaged pack can't be read, as far as Save was to keep
	// them.
	Unread map[pack.ID]int64
}

// RepairPacks moves all that can be read out of damaged packs, and removes these. It stores
// what was lost, as RepairIndex does.
func (m *Maintenance) RepairPacks(ctx context.Context, o PackRepairOptions) (PackRepair, error) {
	report, err := repair.Packs(ctx, m.e, repair.PackOptions{
		Packs: o.Packs, Save: o.Save, Workers: o.Workers, Progress: progressTo(o.Progress),
	})
	return PackRepair(report), err
}

// SnapshotRepairOptions say what becomes of snapshots that aren't whole.
type SnapshotRepairOptions struct {
	Forget bool // forget them, and remove manifests that can't be read
	DryRun bool // change nothing
	// Lost is called for each file, and each directory with all in it, that can't be
	// restored. It may be nil.
	Lost func(m *snapshot.Manifest, path string, e *snapshot.Entry, why error)
}

// A SnapshotRepair says what became of a snapshot that isn't whole.
type SnapshotRepair struct {
	Snapshot snapshot.ID        `json:"snapshot_id"`
	Repaired *snapshot.Manifest `json:"-"`              // what was made of it, or nil: nothing of it can be read
	Lost     int64              `json:"lost"`           // files and directories that it lacks
	Err      error              `json:"-"`              // why the manifest can't be read, or nil
	Kept     bool               `json:"kept,omitempty"` // the manifest may be intact, so it isn't removed
}

// RepairSnapshots makes, of each snapshot that reaches what no pack holds, one without that,
// in its place in the chain of its source. It keeps those that aren't whole unless the
// options say to forget them. No ids means all snapshots; ids of no snapshot are ignored.
// RepairSnapshots takes what packs hold to be readable, so RepairPacks comes first. If there
// is an error, the result is of the snapshots before the one that failed.
func (m *Maintenance) RepairSnapshots(ctx context.Context, ids []snapshot.ID, o SnapshotRepairOptions) ([]SnapshotRepair, error) {
	reports, err := repair.Snapshots(ctx, m.e, ids, repair.SnapshotOptions(o))
	var out []SnapshotRepair
	for _, one := range reports {
		out = append(out, SnapshotRepair(one))
	}
	return out, err
}

// RewriteOptions say what a rewritten snapshot leaves out.
type RewriteOptions struct {
	Exclude []string // patterns as of gitignore(5), relative to the snapshot's root
	Forget  bool     // forget the snapshot that is rewritten
	DryRun  bool     // change nothing
	// Dropped is called for each file and directory that is left out. It may be nil.
	Dropped func(path string, e *snapshot.Entry)
}

// Rewrite makes a snapshot of another, without what is excluded, in its place in the chain
// of its source, and returns it: or the other snapshot if it holds nothing that is excluded.
// If the other is forgotten, Prune makes what only it held unreadable, unless it is in other
// snapshots too.
func (m *Maintenance) Rewrite(ctx context.Context, id snapshot.ID, o RewriteOptions) (*snapshot.Manifest, error) {
	return repair.Rewrite(ctx, m.e, id, repair.RewriteOptions(o))
}
