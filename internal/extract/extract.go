// Package extract writes the contents of a snapshot to a directory.
//
// It walks the tree in depth-first order and compares it with the destination. It
// collects the files that must be written in a window of some ten thousand files. It then
// reads the segments that hold their chunks, each once, in the order of their places in
// the packs, and writes each chunk to every file that needs it. Meanwhile it collects the
// next window. So memory is bounded, and the files of one snapshot, which were stored in
// this very order, are read in one pass.
//
// A file is written under a temporary name and renamed when it is complete. There is one
// exception: in a directory that the extraction has made, and that nobody else can enter
// until everything in it is done, a file that is written at once has its own name from
// the start. All names are reached through their directories (see package disk). A
// directory gets its attributes when everything in it is done.
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
	"github.com/qsnap/qsnap/internal/protect"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// A Source reads the contents of snapshots from a repository.
type Source interface {
	snapshot.Loader
	// Locate returns a place of a chunk.
	Locate(ctx context.Context, id chunk.ID) (index.Place, error)
	// Present returns an error unless the chunk is in a pack that exists. It reads nothing
	// of the pack. If only a replica has the pack, it returns the replica's name.
	Present(ctx context.Context, id chunk.ID) (replica string, err error)
	// Prefetch announces which segments will be read next, each once, in about this order.
	// The caller calls done when it has read them.
	Prefetch(ctx context.Context, segments iter.Seq2[*pack.Info, int]) (done func())
	// Requests returns how many requests reading these segments takes.
	Requests(segments iter.Seq2[*pack.Info, int]) int
	// Segment reads segment n of a pack into buf, whose storage it may use, and returns the
	// plain segment.
	Segment(ctx context.Context, p *pack.Info, n int, buf []byte) ([]byte, error)
	// Chunk returns a chunk from any place where it can be read.
	Chunk(ctx context.Context, id chunk.ID) ([]byte, error)
	// Verify returns an error unless data is the content of the chunk.
	Verify(id chunk.ID, data []byte) error
}

// A Policy says what happens to existing files.
type Policy int

// The policies.
const (
	Always    Policy = iota // write what differs in content or attributes
	IfChanged               // trust that files of the same size and time are the same
	IfNewer                 // replace only files that are older than the snapshot's version
	Never                   // leave existing files alone
)

// Options configure an extraction.
type Options struct {
	Source Source
	Root   snapshot.Entry // a directory
	Bare   bool           // Root is not in the snapshot, but was made to hold one file: To keeps its attributes
	To     string         // an existing directory
	Policy Policy
	// Made says that To was created for this extraction. InPlace says that To is the
	// original place of Root. In both cases To gets Root's attributes; otherwise it keeps
	// its own. In place, links on the way to the snapshot's paths are followed, as they
	// were then.
	Made, InPlace bool
	// FollowLinks writes through links to directories where the snapshot has directories.
	FollowLinks bool
	// Whole reports whether the snapshot holds everything that was in a directory, whose
	// path is relative to Root. It returns false for a directory that is only above the
	// snapshot's paths. Nil means always true.
	Whole func(path string) bool
	// Delete removes what the snapshot doesn't have, as far as Rules allow: after
	// everything else, and only if nothing failed.
	Delete bool
	Rules  protect.Rules
	// DeleteFirst deletes before anything is written, if a rehearsal of everything has
	// found nothing that would fail.
	DeleteFirst bool
	// Unless IgnoreRoom is set, the extraction ends with a *RoomError before anything is
	// written if RoomAt, a path on the file system of To, has too little space for what is
	// absent or has another size. Most is what the whole snapshot takes: if there is that
	// much space, nothing is computed.
	IgnoreRoom bool
	RoomAt     string
	Most       Most
	// Confirm is called before anything is written if something would be deleted. It may be
	// nil; its error ends the extraction.
	Confirm func(Plan) error
	// Include and Exclude select entries by their paths relative to Root. A nil Include
	// selects everything. The contents of a selected directory are selected.
	Include, Exclude *ignore.Set

	DryRun  bool // change nothing
	Verify  bool // read back what was written
	NoSync  bool // don't wait until everything is on the disk
	Keep    disk.Keep
	Workers int // at least 1

	Progress *Progress
	// Action is called for each change when it is made, one call at a time. The path is
	// relative to Root.
	Action func(Action, string, *snapshot.Entry)
	// Spared is called for each path that deletion leaves alone, one call at a time. If it
	// names a directory, the contents are not named.
	Spared func(Spared)
	// Problem is called for each path that could not be restored completely, one call at a
	// time.
	Problem func(path string, err error)
	// Leftover is called like Problem for what an earlier, killed extraction has moved
	// aside and left.
	Leftover func(path, text string)
	// Notice is called like Problem for remarks that are no problems.
	Notice func(path string, notice error)
}

// An Action is a change of the destination.
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

// Progress counts what has been done so far.
type Progress struct {
	Files, Dirs, Others atomic.Uint64 // done, whether written or not
	Bytes               atomic.Uint64 // of files that are done
	Created             atomic.Uint64
	Replaced            atomic.Uint64
	Touched             atomic.Uint64
	Deleted             atomic.Uint64 // entries, including those in directories
	Spared              atomic.Uint64 // entries that only the destination has and that stay
	Same                atomic.Uint64
	BytesWritten        atomic.Uint64
	Packs               atomic.Uint64 // packs that had to be read
	PackBytes           atomic.Uint64 // bytes read from packs
	Requests            atomic.Uint64 // requests needed for that
	Problems            atomic.Uint64
	Withheld            atomic.Uint64 // files restored without some of their privileges
}

type extraction struct {
	Options
	dirs        *dirCache
	files       *fileCache
	packs       map[pack.ID]bool // packs planned so far
	links       map[snapshot.FileKey]*written
	apart       map[linkable]*written // names on another file system than the first name
	linking     map[[2]uint64]bool    // by device and mount: whether files can have several names there
	limit       int                   // of uses and files in the window
	win         *window               // being planned
	spareWindow *window               // being executed, or executed before
	ran         chan error            // receives the result of the window being executed

	claims    map[disk.FileID]snapshot.FileKey
	colliding map[string]bool // paths whose names collide with others in the destination
	session   disk.Session

	unrestored    map[string]bool // paths not restored: true for all, false for attributes; for verification; guarded by mu
	verifiedLinks map[snapshot.FileKey]disk.FileID
	verifiedFiles map[disk.FileID]snapshot.FileKey

	deferred []*deferred // guarded by mu

	unlocked      []unlocked
	looking       *sweep       // sweep that decides what may be replaced; used by the walk only
	deletionKnown bool         // everything that deletion needs from the snapshot can be read
	buffers       chan *[]byte // for segments, one for each worker

	mu    sync.Mutex // held during calls of Action and Problem
	fatal error
}

// errFull ends an extraction: all further files would fail, too.
var errFull = errors.New("the destination is full")

// Run extracts. It returns an error if the source fails for another reason than damage,
// if the destination is full or can't be written to at all, or if the context is
// cancelled. Other problems are reported and counted.
func Run(ctx context.Context, o Options) error {
	if o.Progress == nil {
		o.Progress = new(Progress)
	}
	if !o.DryRun && disk.IsReadOnly(o.To) {
		return &fs.PathError{Op: "restore to", Path: o.To, Err: errors.New("the destination is on a read-only file system")}
	}
	session := disk.NewSession()
	defer session.End()
	out, err := disk.OpenOut(o.To, session)
	if err != nil {
		return err
	}
	x := &extraction{Options: o, session: session, packs: map[pack.ID]bool{}, links: map[snapshot.FileKey]*written{}, apart: map[linkable]*written{}, linking: map[[2]uint64]bool{}, claims: map[disk.FileID]snapshot.FileKey{}, unrestored: map[string]bool{},
		buffers: make(chan *[]byte, o.Workers), limit: firstWindow, win: newWindow(), spareWindow: newWindow(), ran: make(chan error, 1)}
	for range o.Workers {
		x.buffers <- new([]byte)
	}
	x.dirs = newDirCache(out)
	defer x.dirs.close()
	defer x.keepTime(out)()
	defer x.lock()
	defer x.dropDeferred()
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

// keepTime returns a function that restores the present time of the destination's root,
// unless the snapshot has attributes for it. It does nothing if the user may not set the
// time of another user's directory.
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

// ready checks whether everything can be done, before anything is written.
func (x *extraction) ready(ctx context.Context) error {
	if err := x.findCollisions(ctx); err != nil {
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

// all runs the whole extraction. What can't be undone comes last, unless DeleteFirst is
// set.
func (x *extraction) all(ctx context.Context) error {
	first := x.DeleteFirst && !x.DryRun
	if first {
		if err := x.deleteRest(ctx); err != nil {
			return err
		}
	}
	if err := x.execute(ctx); err != nil {
		return err
	}
	if !x.DryRun {
		if err := x.placeDeferred(ctx); err != nil {
			return err
		}
		if err := x.syncAndVerify(ctx); err != nil {
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

// syncAndVerify makes the written files durable and verifies them.
func (x *extraction) syncAndVerify(ctx context.Context) error {
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
// snapshot doesn't tell everything about what may be deleted.
func (x *extraction) deleteRest(ctx context.Context) error {
	if !x.Delete || x.Bare || x.Progress.Problems.Load() > 0 {
		return nil
	}
	if !x.deletionKnown {
		if plan, err := x.planDeletion(ctx); err != nil || plan == nil {
			return err
		}
	}
	s := x.newSweep(sweep{only: x.DryRun})
	if err := s.run(ctx); err != nil || s.gone == 0 || x.DryRun {
		return err
	}
	return x.sync()
}

// execute plans everything and waits until it is done.
func (x *extraction) execute(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	x.ran <- nil // no window precedes the first
	root := &dir{x: x, entry: &x.Root, exists: true, picked: x.Include == nil}
	err := x.unlock(root)
	if errors.Is(err, fs.ErrPermission) {
		err = nil // another user's directory: writing to it will report the error
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

// planned reports a change in a dry run and returns false. Otherwise it returns true, and
// the change is reported when it is done.
func (x *extraction) planned(a Action, path func() string, e *snapshot.Entry) bool {
	if x.DryRun {
		x.done(a, path, e)
	}
	return !x.DryRun
}

// done reports a change that was made, or would be made.
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

// problem reports what could not be restored, and ends the extraction if everything
// further would fail, too.
func (x *extraction) problem(path string, err error) {
	if x.Verify {
		x.note(path, true)
	}
	x.report(path, err)
}

// note records that something is not restored: all of a path, or its attributes.
func (x *extraction) note(path string, all bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.unrestored[path] = x.unrestored[path] || all
}

// report is like problem, but records nothing.
func (x *extraction) report(path string, err error) {
	if _, ok := errors.AsType[*disk.Withheld](err); ok {
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

// failed returns the reason why the extraction must end.
func (x *extraction) failed(ctx context.Context) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.fatal != nil {
		return x.fatal
	}
	return ctx.Err()
}
