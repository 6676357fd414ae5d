package restore

import (
	"context"
	"errors"
	"os"
	"runtime"
	"slices"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/extract"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/snapshot"
)

// Options say what is restored, and where to.
type Options struct {
	To      string // a directory, which is made if it doesn't exist
	InPlace bool   // To is where the restored directory was

	Path             string   // in the snapshot; empty means all
	Include, Exclude []string // patterns, relative to Path

	Overwrite   extract.Policy
	Delete      bool     // what the snapshot doesn't have
	DeleteFirst bool     // before anything is written
	Protect     []string // files and directories that are not deleted, and that To must not lie in
	FollowLinks bool
	DryRun      bool
	Verify      bool
	NoSync      bool
	NoOwner     bool
	Workers     int // 0 means as many as processors
	IgnoreRoom  bool

	// Confirm is called before anything is written if something would be deleted. Its error
	// ends the restore. It may be nil.
	Confirm func(extract.Plan) error
	// Progress is called now and then and for each event, by one goroutine at a time. It
	// may be nil. Changes are events only if Actions is set.
	Progress func(Progress)
	Actions  bool
}

// A Report counts what a restore did, or would do.
type Report struct {
	Files        int64 // selected in the snapshot
	Dirs         int64 // selected
	Others       int64 // selected: links, devices and the like
	Bytes        int64 // of the files
	Created      int64
	Replaced     int64
	Touched      int64 // only the attributes changed
	Deleted      int64 // entries, including those in directories
	Spared       int64 // paths that only the destination has and that stay
	BytesWritten int64
	Packs        int64 // that were read
	PackBytes    int64 // bytes read from packs
	Requests     int64 // for these, without those for trees
	Problems     int64
	Unmatched    []string // patterns that matched nothing
	Withheld     int64    // files restored without some of their privileges
}

// Run restores a snapshot. If something could not be restored, the error is an
// *outcome.IncompleteError, and the rest was restored. The report is valid in any case.
func Run(ctx context.Context, e *engine.Engine, m *snapshot.Manifest, o Options) (Report, error) {
	defer e.Runs.BeginLate(ctx, "restore")()
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	r := &run{m: m, o: o, reader: &reader{Source: e.Blobs.Source(o.Workers), e: e}}
	if err := r.configure(ctx); err != nil {
		return Report{}, err
	}
	cleanUp, err := makeDestination(&r.x)
	if err != nil {
		return Report{}, err
	}
	defer cleanUp()
	r.report = newReporter(e, m, &o, r.x.Progress)
	return r.run(ctx)
}

// A run is one restore.
type run struct {
	m      *snapshot.Manifest
	o      Options
	reader *reader
	x      extract.Options
	report *reporter

	causes  outcome.Causes
	damaged []string // the first paths that could not be restored because of damage
}

// configure decides what is extracted, and where to.
func (r *run) configure(ctx context.Context) (err error) {
	o, m, x := &r.o, r.m, &r.x
	*x = extract.Options{
		Source: r.reader, To: o.To, Policy: o.Overwrite, Delete: o.Delete, DeleteFirst: o.DeleteFirst, DryRun: o.DryRun,
		Verify: o.Verify, NoSync: o.NoSync, Keep: disk.Keep{Owner: !o.NoOwner && os.Geteuid() == 0},
		Workers: o.Workers, Pace: r.reader.e.Pace, InPlace: o.InPlace, FollowLinks: o.FollowLinks,
		Confirm: o.Confirm, Progress: new(extract.Progress),
	}
	if x.Root, x.Bare, err = r.reader.root(ctx, m, o.Path); err != nil {
		return err
	}
	x.Whole = heldWhole(m, o.Path)
	if err := r.selectEntries(); err != nil {
		return err
	}
	if x.Rules, err = deletionRules(m, o, r.reader); err != nil {
		return err
	}
	if err := checkDestination(o.To, x.Rules.Own); err != nil {
		return err
	}
	x.IgnoreRoom, x.RoomAt = o.IgnoreRoom, nearestExisting(o.To)
	x.Most = extract.Most{Bytes: m.Stats.Bytes, Inodes: m.Stats.Files + m.Stats.Dirs + m.Stats.Others}
	return nil
}

// run extracts, and says what is lacking.
func (r *run) run(ctx context.Context) (Report, error) {
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	x := &r.x
	x.Problem = func(path string, err error) {
		if errors.Is(err, seal.ErrNoKey) {
			abort(err) // all further paths would fail in the same way
			return
		}
		r.problem(path, err)
	}
	x.Notice, x.Leftover, x.Spared = r.report.notice, r.report.leftover, r.report.spared
	if r.o.Actions {
		x.Action = r.report.action
	}
	stop := r.report.start()
	err := extract.Run(ctx, *x)
	if err == nil {
		err = r.findIntact(ctx)
	}
	stop()
	if _, noRoom := errors.AsType[*extract.RoomError](err); noRoom && x.Made && !r.o.DryRun {
		removeEmptyDirs(r.o.To, x.RoomAt)
	}
	done := r.report.counts()
	if cause := context.Cause(ctx); errors.Is(cause, seal.ErrNoKey) {
		return done, cause
	}
	if err == nil {
		err = r.causes.Err(nil, uint64(done.Problems), "restored")
	}
	done.Unmatched, err = r.unmatched(err)
	return done, err
}

// problem notes a path that could not be restored.
func (r *run) problem(path string, err error) {
	r.causes.Add(path, err)
	if errors.Is(err, outcome.ErrDamaged) && len(r.damaged) < maxSearchedFiles && !slices.Contains(r.damaged, path) {
		r.damaged = append(r.damaged, path)
	}
	r.report.problem(path, err)
}
