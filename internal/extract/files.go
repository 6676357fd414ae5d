package extract

import (
	"container/list"
	"errors"
	"io/fs"
	"sync"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// A written is a file of the snapshot that is being written, or was found to be right.
type written struct {
	dir   *dir
	entry *snapshot.Entry
	verdict
	positions

	mu     sync.Mutex
	file   *disk.NewFile // nil before the first chunk and when done
	left   int           // chunks still to come, plus one until all are planned
	err    error         // error of closing the incomplete file
	failed bool
	at     string // its temporary name, if something has its own name
}

func newWritten(d *dir, e *snapshot.Entry, v verdict) *written {
	return &written{dir: d, entry: e, verdict: v, positions: newPositions(e), left: 1}
}

// addPending records that another chunk is to come.
func (w *written) addPending() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left++
}

func (w *written) path() string { return w.dir.join(w.entry.Name) }

// name returns the present name.
func (w *written) name() string {
	if w.at != "" {
		return w.at
	}
	return w.entry.Name
}

// A fileCache holds the files of several chunks that are being written. If many wait for
// chunks of other segments, some are closed and reopened later.
type fileCache struct {
	x *extraction

	mu    sync.Mutex
	begun map[*written]*list.Element // of *written; nil if closed
	order list.List                  // the open files, most recently written first
}

// openFiles is how many files may stay open while they wait for chunks.
const openFiles = 256

func newFileCache(x *extraction) *fileCache {
	return &fileCache{x: x, begun: map[*written]*list.Element{}}
}

// write writes some chunks to their file. offset is that of their data without holes. The
// first chunk creates the file and the last one completes it. A file that can't be
// written is given up and reported.
func (x *extraction) write(w *written, offset int64, data []byte, chunks int) {
	w.mu.Lock()
	if w.failed {
		w.mu.Unlock()
		return
	}
	err := w.err
	if err == nil {
		err = x.writeOpen(w, offset, data, chunks)
	}
	done := w.left == 0
	w.mu.Unlock()
	if err != nil {
		x.fail(w, err)
	} else if done {
		if !w.displaces {
			x.done(w.action, w.path, w.entry)
		}
		x.count(w.entry)
	}
}

func (x *extraction) writeOpen(w *written, offset int64, data []byte, chunks int) error {
	return x.dirs.use(w.dir, func(out *disk.Out) error {
		if err := x.begin(out, w, w.left == chunks); err != nil {
			return err
		}
		for _, p := range w.of(offset, int64(len(data))) {
			if _, err := w.file.WriteAt(data[:p.length], p.at); err != nil {
				return err
			}
			data = data[p.length:]
			x.Progress.BytesWritten.Add(uint64(p.length))
		}
		if w.left -= chunks; w.left > 0 {
			return nil
		}
		x.files.forget(w)
		f := w.file
		w.file = nil
		if !w.displaces {
			return out.Commit(f, w.entry, x.reportTo(w.path))
		}
		part, err := out.Complete(f, w.entry, x.reportTo(w.path))
		if err == nil {
			w.at = part
			x.hold(&deferred{dir: w.dir, entry: w.entry, part: part, file: w})
		}
		return err
	})
}

// begin creates or reopens the file's part. all says that the next write is the whole
// file.
func (x *extraction) begin(out *disk.Out, w *written, all bool) error {
	switch {
	case w.file == nil:
		f, err := out.Create(w.entry, all && w.dir.made, x.Keep, x.reportTo(w.path))
		if err != nil {
			return err
		}
		w.file = f
		if !all || len(w.entry.Holes) > 0 {
			if err := f.Truncate(w.entry.Size); err != nil {
				return err
			}
		}
	case !w.file.IsOpen():
		if err := out.Reopen(w.file); err != nil {
			return err
		}
	}
	if !all {
		x.files.touch(w)
	}
	return nil
}

// discard removes what was written of a file so far.
func (x *extraction) discard(w *written) {
	err := x.dirs.use(w.dir, func(out *disk.Out) error { return out.Abort(w.file) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // Commit may have removed it
		x.problem(w.path(), err)
	}
	w.file = nil
}

// fail gives up a file for a reason, and reports it once.
func (x *extraction) fail(w *written, err error) {
	w.mu.Lock()
	again := w.failed
	w.failed = true
	if w.file != nil {
		x.files.forget(w)
		x.discard(w)
	}
	w.mu.Unlock()
	if !again {
		x.problem(w.path(), err)
	}
}

func (x *extraction) reportTo(path func() string) func(error) {
	return func(err error) {
		if x.Verify {
			x.note(path(), false)
		}
		x.report(path(), err)
	}
}

// touch records that a file is being written to, and closes the least recently written
// one. The caller holds w.mu.
func (c *fileCache) touch(w *written) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el := c.begun[w]; el != nil {
		c.order.MoveToFront(el)
	} else {
		c.begun[w] = c.order.PushFront(w)
	}
	for el := c.order.Back(); el != nil && c.order.Len() > openFiles; {
		before := el.Prev()
		if old := el.Value.(*written); old != w && old.mu.TryLock() { // otherwise it is in use
			c.order.Remove(el)
			c.begun[old] = nil
			old.err = old.file.Pause()
			old.mu.Unlock()
		}
		el = before
	}
}

// forget removes a file that is complete or given up.
func (c *fileCache) forget(w *written) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el := c.begun[w]; el != nil {
		c.order.Remove(el)
	}
	delete(c.begun, w)
}

// close removes incomplete files.
func (c *fileCache) close() {
	for w := range c.begun {
		c.x.discard(w)
	}
}
