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
	"io/fs"
	"sync"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/pace"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

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
	o.Pace = pace.Or(o.Pace)
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
