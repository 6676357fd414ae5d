package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/extract"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/view"
	"github.com/qsnap/qsnap/snapshot"
)

// An Overwrite says what becomes of what exists in the destination.
type Overwrite = extract.Policy

// The policies. OverwriteAlways is the zero value: what differs from the snapshot,
// in content or attributes, is replaced, and nothing else is written.
// OverwriteIfChanged trusts that a file of the same size and modification time is
// the same; OverwriteIfNewer replaces only what is older than the snapshot's
// version; OverwriteNever leaves alone all that exists.
const (
	OverwriteAlways    = extract.Always
	OverwriteIfChanged = extract.IfChanged
	OverwriteIfNewer   = extract.IfNewer
	OverwriteNever     = extract.Never
)

// RestoreOptions say what is restored, and where to.
type RestoreOptions struct {
	To        string   // a directory, which is made if it isn't there
	InPlace   bool     // To is where what is restored was: it gets the attributes of that, as it does when it is made
	Path      string   // in the snapshot: a directory or a file; empty is all
	Include   []string // patterns as of gitignore(5), relative to Path; empty is all
	Exclude   []string
	Overwrite Overwrite
	// Delete removes what the snapshot doesn't have: only from directories that it holds
	// whole, never what its rules leave out, on other file systems, or in Protect; when
	// all else is done, and only if nothing failed. Beside a single file it removes nothing.
	Delete bool
	// DeleteFirst, with Delete, deletes before anything is written, for a destination that
	// can't hold both: if the restore fails after that, what was deleted is gone. It is done
	// only if everything that is needed was found to be there, and nothing else would fail.
	DeleteFirst bool
	Protect     []string // files and directories that no restore harms, such as the repository's
	FollowLinks bool     // write through links to directories that are in the place of directories
	DryRun      bool     // change nothing
	Verify      bool     // read back what was restored
	NoSync      bool     // return before the disk has it all
	NoOwner     bool     // don't restore users and groups, as without being root
	Workers     int      // 0 is as many as processors

	// IgnoreRoom begins even if the destination has no room for what is absent there or has
	// another size, as a file system that compresses may have. Else such a restore ends with
	// a *RoomError, and has written nothing.
	IgnoreRoom bool

	// Confirm is called before anything is written if something would be deleted. An
	// error of it ends the restore. Nil agrees.
	Confirm func(DeletionPlan) error

	// Progress is called now and then, once for each problem and notice, and, if
	// Actions is set, once for each change, by one goroutine at a time.
	Progress func(RestoreProgress)
	Actions  bool
}

// A RoomError says that a destination has no room for what a restore is to write.
type RoomError = extract.RoomError

// NamesUnknown says that a dry run can't know whether the destination tells some names of
// the snapshot apart. It is a notice of RestoreProgress.
type NamesUnknown = extract.NamesUnknown

// A DeletionPlan says what a restore would delete.
type DeletionPlan struct {
	Delete uint64   // entries, those in directories too
	There  uint64   // entries of the destination that were looked at
	Paths  []string // some of those that would be deleted, relative to the restored directory
}

// RestoreProgress is how far a restore has come.
type RestoreProgress struct {
	Report  RestoreReport // so far
	Total   snapshot.Stats
	Elapsed time.Duration
	Done    bool

	Problem error // what could not be restored as it should, or nil
	// Elsewhere is the newest other snapshot that has the file of this path whole, which
	// could not be restored because of damage, or nil.
	Elsewhere *snapshot.Manifest
	Notice    error  // what is worth a word and no problem, such as withheld privileges, or nil
	Action    string // "create", "replace", "touch" or "delete", or empty
	Leftover  string // what is to be said of Path, which an interrupted restore has moved aside, or empty
	Spared    string // why Path was not deleted, or empty
	Mount     string // the mount point that a spared path lies on, if the snapshot has that
	Path      string // of the problem, notice or action, relative to the restored directory
	Entry     *snapshot.Entry
}

// A RestoreReport counts what a restore did, or would do.
type RestoreReport struct {
	Files        uint64   `json:"-"` // in the snapshot, as far as they are picked
	Dirs         uint64   `json:"-"` // the same
	Others       uint64   `json:"-"` // the same: links, devices and the like
	Bytes        uint64   `json:"total_bytes"`
	Created      uint64   `json:"files_created"`
	Replaced     uint64   `json:"files_replaced"`
	Touched      uint64   `json:"attributes_restored"`
	Deleted      uint64   `json:"files_deleted"` // all entries, those in directories too
	Spared       uint64   `json:"files_spared"`  // paths that only the destination has, and that stay
	BytesWritten uint64   `json:"bytes_restored"`
	Packs        uint64   `json:"packs_read"`
	PackBytes    uint64   `json:"pack_bytes_read"`
	Requests     uint64   `json:"requests" doc:"for what is read of packs, beside trees"` // for what is read of packs, beside trees
	Problems     uint64   `json:"errors"`
	Unmatched    []string `json:"unmatched"` // patterns of Include and Exclude that met nothing

	// Withheld counts files that were restored without their set-user-ID or
	// set-group-ID bit, or their capabilities, because they do not have the owner and
	// group that the snapshot has.
	Withheld uint64 `json:"privileges_withheld"`
}

func restoreSnapshot(ctx context.Context, e *engine.Engine, m *snapshot.Manifest, o RestoreOptions) (RestoreReport, error) {
	defer e.Runs.BeginLate(ctx, "restore")()
	x := extract.Options{
		To: o.To, Policy: o.Overwrite, Delete: o.Delete, DeleteFirst: o.DeleteFirst, DryRun: o.DryRun,
		Verify: o.Verify, NoSync: o.NoSync, Keep: disk.Keep{Owner: !o.NoOwner && os.Geteuid() == 0},
		Workers: o.Workers, InPlace: o.InPlace, Progress: new(extract.Progress),
	}
	if x.Workers <= 0 {
		x.Workers = runtime.GOMAXPROCS(0)
	}
	from := &restoreReader{Source: e.Blobs.Source(x.Workers), e: e}
	x.Source = from
	var err error
	if x.Root, x.Bare, err = from.root(ctx, m, o.Path); err != nil {
		return RestoreReport{}, err
	}
	x.FollowLinks, x.Whole = o.FollowLinks, wholeDirs(m, o.Path)
	if err = pickedBy(&x, m, &o); err != nil {
		return RestoreReport{}, err
	}
	if x.Rules, err = coverage(e, m, &o, from); err != nil {
		return RestoreReport{}, err
	}
	if err := checkDestination(o.To, x.Rules.Own); err != nil {
		return RestoreReport{}, err
	}
	x.IgnoreRoom, x.RoomAt = o.IgnoreRoom, existing(o.To)
	x.Most = extract.Most{Bytes: m.Stats.Bytes, Inodes: m.Stats.Files + m.Stats.Dirs + m.Stats.Others}
	cleanUp, err := prepare(&x)
	if err != nil {
		return RestoreReport{}, err
	}
	defer cleanUp()
	report := &restoreReporter{progress: x.Progress, total: m.Stats, call: o.Progress, now: e.Now, start: e.Now()}
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	var lacking outcome.Causes
	var lost []string // paths that can't be restored because of damage
	x.Problem = func(path string, err error) {
		if errors.Is(err, ErrNewerKey) {
			giveUp(err) // all that follows would say the same
			return
		}
		lacking.Add(path, err)
		if errors.Is(err, ErrDamaged) && len(lost) < soughtFiles && !slices.Contains(lost, path) {
			lost = append(lost, path)
		}
		report.problem(path, err)
	}
	x.Notice = report.notice
	if o.Confirm != nil {
		x.Confirm = func(p extract.Plan) error { return o.Confirm(DeletionPlan(p)) }
	}
	x.Leftover = report.leftover
	if o.Actions {
		x.Action = report.action
	}
	x.Spared = report.spared
	stop := report.run()
	err = extract.Run(ctx, x)
	if err == nil {
		err = from.tellVersions(ctx, m, &o, x.Bare, lost, report.elsewhere)
	}
	stop()
	if lack := (*RoomError)(nil); x.Made && !o.DryRun && errors.As(err, &lack) {
		removeMade(o.To, x.RoomAt)
	}
	done := report.report()
	if cause := context.Cause(ctx); errors.Is(cause, ErrNewerKey) {
		return done, cause
	}
	if err == nil {
		err = lacking.Err(nil, done.Problems, "restored")
	}
	done.Unmatched, err = unmatchedIn(&x, err)
	return done, err
}

// A restoreReader reads what a restore needs. It is an extract.Source.
type restoreReader struct {
	*blob.Source
	e      *engine.Engine
	page   []byte // of a tree that isn't stored
	pageID chunk.ID
}

// Tree is part of snapshot.Loader.
func (s *restoreReader) Tree(ctx context.Context, id chunk.ID) ([]byte, error) {
	if s.page != nil && id == s.pageID {
		return s.page, nil
	}
	return s.Source.Tree(ctx, id)
}

// root returns the directory to be restored: the one of that path, or a bare one
// that holds only the file of that path.
func (s *restoreReader) root(ctx context.Context, m *snapshot.Manifest, p string) (root snapshot.Entry, bare bool, err error) {
	e, err := view.Entry(ctx, s.e.Blobs, m, p)
	if err != nil {
		return snapshot.Entry{}, false, err
	}
	if e.Type == snapshot.Dir {
		if e.Problem != "" {
			return snapshot.Entry{}, false, fmt.Errorf("%s is not in the snapshot: when that was made: %s", p, e.Problem)
		}
		return *e, false, nil
	}
	// A page that is nowhere stored, for a directory that is none.
	w := snapshot.NewTreeWriter(func(page []byte) (chunk.ID, error) {
		s.page, s.pageID = bytes.Clone(page), s.e.Tree.ID(page)
		return s.pageID, nil
	})
	if err := w.Add(e); err != nil {
		return snapshot.Entry{}, false, err
	}
	id, err := w.Finish()
	return snapshot.Entry{Type: snapshot.Dir, Subtree: id}, true, err
}

// prepare makes the destination. A dry run gets an empty one, to be removed, if
// there is none.
func prepare(x *extract.Options) (cleanUp func(), err error) {
	nothing := func() {}
	info, err := os.Stat(x.To)
	switch {
	case x.To == "":
		return nil, errors.New("no destination to restore to was named")
	case err == nil && !info.IsDir():
		return nil, &fs.PathError{Op: "restore to", Path: x.To, Err: errors.New("it is no directory")}
	case err == nil || !errors.Is(err, fs.ErrNotExist):
		return nothing, err
	}
	x.Made = true
	if x.DryRun {
		x.To, err = os.MkdirTemp("", "qsnap-dry-run-*")
		return func() { os.Remove(x.To) }, err
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(x.To)), 0o777); err != nil {
		return nothing, err
	}
	return nothing, os.Mkdir(x.To, 0o700) // until all in it is done
}

// existing returns the directory, or the nearest one above it that is there.
func existing(dir string) string {
	for {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) || filepath.Dir(dir) == dir {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// removeMade removes empty directories that were made: dir, and those above it below there.
func removeMade(dir, there string) {
	for dir = filepath.Clean(dir); dir != filepath.Clean(there) && os.Remove(dir) == nil; {
		dir = filepath.Dir(dir)
	}
}

// restoreReporter calls the progress function, from one goroutine at a time.
type restoreReporter struct {
	progress *extract.Progress
	total    snapshot.Stats
	call     func(RestoreProgress)
	now      func() time.Time
	start    time.Time
	mu       sync.Mutex
}

// run calls the function now and then, until the function it returns is called.
func (p *restoreReporter) run() (stop func()) {
	if p.call == nil {
		return func() {}
	}
	quit := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(outcome.Interval)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.send(RestoreProgress{})
			case <-quit:
				return
			}
		}
	})
	return func() {
		close(quit)
		done.Wait()
		p.send(RestoreProgress{Done: true})
	}
}

func (p *restoreReporter) send(u RestoreProgress) {
	if p.call == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	u.Report, u.Total, u.Elapsed = p.report(), p.total, p.now().Sub(p.start)
	p.call(u)
}

func (p *restoreReporter) problem(path string, err error) {
	p.send(RestoreProgress{Path: path, Problem: err})
}

func (p *restoreReporter) elsewhere(path string, m *snapshot.Manifest) {
	p.send(RestoreProgress{Path: path, Elsewhere: m})
}

func (p *restoreReporter) notice(path string, err error) {
	p.send(RestoreProgress{Path: path, Notice: err})
}

func (p *restoreReporter) action(a extract.Action, path string, e *snapshot.Entry) {
	p.send(RestoreProgress{Path: path, Action: a.String(), Entry: e})
}

func (p *restoreReporter) leftover(path, text string) {
	p.send(RestoreProgress{Path: path, Leftover: text})
}

func (p *restoreReporter) spared(s extract.Spared) {
	p.send(RestoreProgress{Path: s.Path, Spared: s.Reason, Mount: s.Mount})
}

func (p *restoreReporter) report() RestoreReport {
	c := p.progress
	return RestoreReport{
		Files: c.Files.Load(), Dirs: c.Dirs.Load(), Others: c.Others.Load(), Bytes: c.Bytes.Load(),
		Created: c.Created.Load(), Replaced: c.Replaced.Load(), Touched: c.Touched.Load(), Deleted: c.Deleted.Load(),
		Spared:       c.Spared.Load(),
		BytesWritten: c.BytesWritten.Load(), Packs: c.Packs.Load(), PackBytes: c.PackBytes.Load(), Requests: c.Requests.Load(),
		Problems: c.Problems.Load(), Withheld: c.Withheld.Load(),
	}
}
