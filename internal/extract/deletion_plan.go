package extract

import (
	"context"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/protect"
	"github.com/qsnap/qsnap/snapshot"
)

// A Plan says what an extraction would delete.
type Plan struct {
	Delete uint64   // entries, including those in directories
	There  uint64   // entries of the destination where something may be deleted
	Paths  []string // some of those that would be deleted
}

// planPaths is how many paths a Plan names.
const planPaths = 20

// planDeletion returns a plan of what would be deleted. It returns nil if something in
// the snapshot that decides about deletion can't be read: that is reported, and nothing
// is deleted.
func (x *extraction) planDeletion(ctx context.Context) (*Plan, error) {
	s := x.newSweep(sweep{only: true, quiet: true, plan: new(Plan)})
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	if s.Unsure {
		for _, tell := range s.doubts {
			tell()
		}
		return nil, nil
	}
	x.deletionKnown = true
	s.plan.Delete, s.plan.There = s.gone, s.seen
	return s.plan, nil
}

// confirm asks whether the planned entries may be deleted.
func (x *extraction) confirm(ctx context.Context) error {
	if x.Confirm == nil || !x.Delete || x.Bare || x.DryRun {
		return nil
	}
	plan, err := x.planDeletion(ctx)
	if err != nil || plan == nil || plan.Delete == 0 {
		return err
	}
	return x.Confirm(*plan)
}

// displaced counts what would be deleted for an entry that has a directory in its place.
func (s *sweep) displaced(ctx context.Context, d *dir, l *protect.Level, name string) error {
	return s.x.dirs.use(d, func(out *disk.Out) error {
		var have snapshot.Entry
		if _, err := out.Lstat(name, &have); err != nil || have.Type != snapshot.Dir {
			return nil // nothing there, or something that the entry replaces
		}
		at := *l
		at.Whole = true
		_, err := s.extra(ctx, out, &at, d, name)
		return err
	})
}
