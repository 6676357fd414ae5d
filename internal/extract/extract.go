// Package extract writes what a snapshot holds to a directory.
//
// The tree is walked in depth-first order and compared with what is there. Files
// that have to be written are gathered to a window of some ten thousands; the
// segments that hold their chunks are then read once each, in the order in which
// they lie, and every file that has a chunk in a segment gets it at once, while the
// next window is gathered. So memory is bounded, and the files of one snapshot, which
// were stored in this very order, are read in one pass.
//
// A file is written under another name and renamed when it is complete. In a directory
// that the extraction has made, which nobody else can enter until all in it is done, a
// file that is written at once has its name from the start. All names are reached
// through their directories (see package disk), which are given their attributes when
// all in them is done.
package extract

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// A Source has what snapshots are made of.
type Source interface {
	snapshot.Loader
	// Locate returns a place of a chunk.
	Locate(ctx context.Context, id chunk.ID) (index.Place, error)
	// Present returns an error unless the chunk is in a pack that is there. It reads
	// nothing of the pack. If only a replica has that, it returns the replica's name.
	Present(ctx context.Context, id chunk.ID) (replica string, err error)
	// Prefetch says which segments will be asked for next, each once, in about this order.
	// The function it returns is called when that is over.
	Prefetch(ctx context.Context, segments iter.Seq2[*pack.Info, int]) (done func())
	// Requests returns by how many requests these are read.
	Requests(segments iter.Seq2[*pack.Info, int]) int
	// Segment reads segment n of a pack into buf, whose storage it may use, and
	// returns it plain.
	Segment(ctx context.Context, p *pack.Info, n int, buf []byte) ([]byte, error)
	// Chunk returns a chunk from wherever it can be read.
	Chunk(ctx context.Context, id chunk.ID) ([]byte, error)
	// Verify returns an error unless the data is that of the chunk.
	Verify(id chunk.ID, data []byte) error
}

// A Policy says what becomes of files that exist.
type Policy int

// The policies.
const (
	Always    Policy = iota // write what differs in content or attributes
	IfChanged               // trust that files of the same size and time are the same
	IfNewer                 // replace only what is older than the snapshot's version
	Never                   // leave all that exists alone
)

// Options of an extraction.
type Options struct {
	Source Source
	Root   snapshot.Entry // a directory
	Bare   bool           // Root is none of the snapshot's, but holds a file: To stays as it is, beside it
	To     string         // an existing directory
	Policy Policy
	// Made says that To was made for this extraction, and InPlace that it is the place of
	// Root: it gets Root's attributes. Else it keeps its own. In place, links on the way to
	// what the snapshot was taken of are followed, as they were then.
	Made, InPlace bool
	// FollowLinks writes through links to directories that are in the place of directories.
	FollowLinks bool
	// Whole reports whether the snapshot holds all that was in a directory, whose path is
	// relative to Root, or is only on the way to what it was taken of. Nil is always.
	Whole func(path string) bool
	// Delete removes what the snapshot doesn't have, as far as Rules allow that: when
	// all else is done, and only if nothing failed.
	Delete bool
	Rules  Rules
	// DeleteFirst deletes before anything is written, if a look at everything has found
	// nothing that would fail.
	DeleteFirst bool
	// Unless IgnoreRoom is set, the extraction ends with a *RoomError before anything is
	// written if RoomAt, a path on the file system of To, has no room for what is absent
	// or has another size. Most is what all of the snapshot takes: less needs no look.
	IgnoreRoom bool
	RoomAt     string
	Most       Most
	// Confirm is asked before anything is written if something would be deleted. It may
	// be nil; its error ends the extraction.
	Confirm func(Plan) error
	// Include and Exclude pick entries by their paths relative to Root. A nil
	// Include picks all. What is in a picked directory is picked.
	Include, Exclude *ignore.Set

	DryRun  bool // change nothing
	Verify  bool // read back what was written
	NoSync  bool // don't wait until the disk has it all
	Keep    disk.Keep
	Workers int // at least 1

	Progress *Progress
	// Action is called for each change, when it is made, by one goroutine at a
	// time. The path is relative to Root.
	Action func(Action, string, *snapshot.Entry)
	// Spared is called for each path that deletion leaves alone, by one goroutine at a
	// time. What is in a directory that it names is not named.
	Spared func(Spared)
	// Problem is called for each path that could not be restored as it should, by
	// one goroutine at a time.
	Problem func(path string, err error)
	// Leftover is called like Problem for what an earlier extraction has moved aside, and
	// left when it was killed.
	Leftover func(path, text string)
	// Notice is called like Problem for what is worth a word and as it should be.
	Notice func(path string, notice error)
}

// An Action is a change of what is there.
type Action int

// The actions.
const (
	Create Action = iota
	Replace
	Touch // attributes only
	Delete
)

// String returns the action as a word.
func (a Action) String() string { return [...]string{"create", "replace", "touch", "delete"}[a] }

// Progress counts what is done so far.
type Progress struct {
	Files, Dirs, Others atomic.Uint64 // done, written or not
	Bytes               atomic.Uint64 // of files that are done
	Created             atomic.Uint64
	Replaced            atomic.Uint64
	Touched             atomic.Uint64
	Deleted             atomic.Uint64 // entries, those in directories too
	Spared              atomic.Uint64 // entries that only the destination has, and that stay
	Same                atomic.Uint64
	BytesWritten        atomic.Uint64
	Packs               atomic.Uint64 // that had to be read
	PackBytes           atomic.Uint64 // read from them
	Requests            atomic.Uint64 // by which that is read
	Problems            atomic.Uint64
	Withheld            atomic.Uint64 // files that are there without privileges of theirs
}

type extraction struct {
	Options
	dirs    *dirCache
	files   *fileCache
	packs   map[pack.ID]bool // that were planned so far
	links   map[snapshot.FileKey]*written
	apart   map[linkable]*written // those that are on another file system than the first
	linking map[[2]uint64]bool    // by device and mount: files can have several names there
	limit   int                   // of what is planned in the window
	win     *window               // that is planned
	spare   *window               // that is carried out, or was
	ran     chan error            // holds what became of it

	claims  map[FileID]snapshot.FileKey
	meets   map[string]bool // paths of names that are another's too, in the destination
	session disk.Session

	unrestored    map[string]bool // by path: all of it, or only attributes; kept for verification; guarded by mu
	verifiedLinks map[snapshot.FileKey]FileID
	verifiedFiles map[FileID]snapshot.FileKey

	held []*held // guarded by mu

	unlocked []unlocked
	looking  *sweep       // at what may be replaced; of the walk
	foreseen bool         // all that deletion needs of the snapshot can be read
	buffers  chan *[]byte // for segments, one for each worker

	mu    sync.Mutex // held during calls of Action and Problem
	fatal error
}

// errFull ends an extraction: every file that follows would fail too.
var errFull = errors.New("the destination is full")

// Run extracts. It returns an error if the source fails otherwise than by damage,
// the destination is full or can't be written to at all, or the context is
// cancelled. Other problems are reported, and counted.
func Run(ctx context.Context, o Options) error {
	if o.Progress == nil {
		o.Progress = new(Progress)
	}
	if !o.DryRun && disk.IsReadOnly(o.To) {
		return &fs.PathError{Op: "restore to", Path: o.To, Err: errors.New("it is on a read-only file system")}
	}
	session := disk.NewSession()
	defer session.End()
	out, err := disk.OpenOut(o.To, session)
	if err != nil {
		return err
	}
	x := &extraction{Options: o, session: session, packs: map[pack.ID]bool{}, links: map[snapshot.FileKey]*written{}, apart: map[linkable]*written{}, linking: map[[2]uint64]bool{}, claims: map[FileID]snapshot.FileKey{}, unrestored: map[string]bool{},
		buffers: make(chan *[]byte, o.Workers), limit: firstWindow, win: newWindow(), spare: newWindow(), ran: make(chan error, 1)}
	for range o.Workers {
		x.buffers <- new([]byte)
	}
	x.dirs = newDirCache(out)
	defer x.dirs.close()
	defer x.keepTime(out)()
	defer x.lock()
	defer x.dropHeld()
	x.files = newFileCache(x)
	defer x.files.close()
	if err = x.ready(ctx); err == nil {
		err = x.all(ctx)
	}
	if err != nil {
		x.putBack()
	}
	return err
}

// keepTime returns a function that gives the destination's root the time that it has now,
// unless the snapshot has attributes for it. A user who may not set that of another's
// directory leaves it as it is.
func (x *extraction) keepTime(out *disk.Out) (keep func()) {
	var own snapshot.Entry
	root := &dir{x: x, entry: &x.Root, exists: true, picked: x.Include == nil}
	if x.DryRun || x.finishes(root) {
		return func() {}
	}
	if _, err := out.Self(&own); err != nil {
		return func() {}
	}
	return func() { _ = out.SetTime(own.MTime) }
}

// ready sees whether all can be done, before anything is written.
func (x *extraction) ready(ctx context.Context) error {
	if err := x.findMeetings(ctx); err != nil {
		return err
	}
	freed, err := x.rehearse(ctx)
	if err != nil {
		return err
	}
	if err := x.checkRoom(ctx, freed); err != nil {
		return err
	}
	return x.confirm(ctx)
}

// all does all there is to do. What can't be undone comes last, unless
// DeleteFirst is set.
func (x *extraction) all(ctx context.Context) error {
	first := x.DeleteFirst && !x.DryRun
	if first {
		if err := x.deleteRest(ctx); err != nil {
			return err
		}
	}
	if err := x.carryOut(ctx); err != nil {
		return err
	}
	if !x.DryRun {
		if err := x.swap(ctx); err != nil {
			return err
		}
		if err := x.settle(ctx); err != nil {
			return err
		}
	}
	if !first {
		if err := x.deleteRest(ctx); err != nil {
			return err
		}
	}
	return x.clearAsides(ctx)
}

// settle makes durable what was written, and verifies it.
func (x *extraction) settle(ctx context.Context) error {
	if err := x.sync(); err != nil || !x.Verify {
		return err
	}
	return x.verify(ctx)
}

func (x *extraction) sync() error {
	if x.NoSync {
		return nil
	}
	return x.dirs.root.Sync()
}

// deleteRest deletes what the snapshot doesn't have, unless something failed or the
// snapshot doesn't tell all of what may go.
func (x *extraction) deleteRest(ctx context.Context) error {
	if !x.Delete || x.Bare || x.Progress.Problems.Load() > 0 {
		return nil
	}
	if !x.foreseen {
		if plan, err := x.foresee(ctx); err != nil || plan == nil {
			return err
		}
	}
	s := &sweep{x: x, rules: &x.Rules, only: x.DryRun}
	if err := s.run(ctx); err != nil || s.gone == 0 || x.DryRun {
		return err
	}
	return x.sync()
}

// carryOut plans all and waits until it is done.
func (x *extraction) carryOut(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	x.ran <- nil // there is no window before the first
	root := &dir{x: x, entry: &x.Root, exists: true, picked: x.Include == nil}
	err := x.unlock(root)
	if errors.Is(err, fs.ErrPermission) {
		err = nil // it is another user's: what can't be written says so
	}
	if err == nil {
		err = x.walk(ctx, root)
	}
	if err == nil {
		err = x.endWindow(ctx)
	}
	if err != nil {
		cancel()
	}
	if ran := <-x.ran; err == nil {
		err = ran
	}
	return err
}

// planned reports a change if it isn't to be made, and else returns true: then it is
// told when it is done.
func (x *extraction) planned(a Action, path func() string, e *snapshot.Entry) bool {
	if x.DryRun {
		x.done(a, path, e)
	}
	return !x.DryRun
}

// done reports a change that was made, or would be.
func (x *extraction) done(a Action, path func() string, e *snapshot.Entry) {
	p := x.Progress
	[...]*atomic.Uint64{Create: &p.Created, Replace: &p.Replaced, Touch: &p.Touched, Delete: &p.Deleted}[a].Add(1)
	if x.Action != nil {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.Action(a, path(), e)
	}
}

// spared reports what deletion leaves alone.
func (x *extraction) spared(s Spared) {
	x.Progress.Spared.Add(1)
	if x.Spared != nil {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.Spared(s)
	}
}

// problem reports what could not be restored, and ends the extraction if nothing could
// be from now on.
func (x *extraction) problem(path string, err error) {
	if x.Verify {
		x.note(path, true)
	}
	x.report(path, err)
}

// note notes that something is known not to be restored: all of a path, or attributes.
func (x *extraction) note(path string, all bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.unrestored[path] = x.unrestored[path] || all
}

// report is like problem, and notes nothing.
func (x *extraction) report(path string, err error) {
	if withheld := (*disk.Withheld)(nil); errors.As(err, &withheld) {
		x.Progress.Withheld.Add(1)
		x.notice(path, err)
		return
	}
	x.Progress.Problems.Add(1)
	x.mu.Lock()
	defer x.mu.Unlock()
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		x.fatal = fmt.Errorf("%w: %w", errFull, err)
	}
	if x.Problem != nil {
		x.Problem(path, err)
	}
}

func (x *extraction) notice(path string, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.Notice != nil {
		x.Notice(path, err)
	}
}

// failed returns why the extraction has to end.
func (x *extraction) failed(ctx context.Context) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.fatal != nil {
		return x.fatal
	}
	return ctx.Err()
}
