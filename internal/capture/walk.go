package capture

import (
	"context"
	"path"
	"sync"

	"github.com/qsnap/qsnap/snapshot"
)

// A job is work for a worker: small files, or a piece of a large one.
type job struct {
	files []fileJob
	piece *piece
}

// A fileJob is a file to be read.
type fileJob struct {
	block *block
	slot  int
	links *leader // of a hard-linked file, or nil
	cold  bool    // the system didn't have its beginning, as far as that was looked at
}

func (j fileJob) entry() *snapshot.Entry { return &j.block.entries[j.slot] }
func (j fileJob) path() string           { return path.Join(j.block.node.path, j.entry().Name) }

// before returns the file's older version, or nil.
func (j fileJob) before() *snapshot.Entry {
	prev := j.block.prev
	name := j.entry().Name
	lo, hi := 0, len(prev)
	for lo < hi {
		mid := (lo + hi) / 2
		if prev[mid].Name < name {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(prev) && prev[lo].Name == name && prev[lo].Type == snapshot.File {
		return &prev[lo]
	}
	return nil
}

// Files are handed out in batches of about a segment's size, so that neighbours are in
// the same segment. The walk reads large files itself and hands them out in pieces, so
// that all workers share one file.
const (
	batchBytes = 1 << 20
	batchFiles = 128
	largeFile  = 8 << 20
)

// walk visits all directories and hands out all files.
func (c *capture) walk(ctx context.Context, root *node) error {
	w := &walker{c: c, ctx: ctx}
	if err := w.visit(root); err != nil {
		return err
	}
	return w.flush()
}

type walker struct {
	c     *capture
	ctx   context.Context
	batch []fileJob
	bytes int64
}

func (w *walker) visit(n *node) error {
	w.c.Progress.Current.Store(&n.path)
	for b := n.first; b != nil; {
		if err := w.c.await(w.ctx, b); err != nil {
			return err
		}
		w.c.scan.visited(b)
		for _, slot := range b.reads {
			if err := w.read(fileJob{block: b, slot: slot}); err != nil {
				return err
			}
		}
		for _, sub := range b.subs {
			if err := w.visit(sub); err != nil {
				return err
			}
		}
		after := b.after
		if err := w.c.finishOne(w.ctx, b); err != nil {
			return err
		}
		b = after
	}
	return nil
}

// read arranges that a file is read.
func (w *walker) read(j fileJob) error {
	e := j.entry()
	if e.Links > 1 {
		key := fileKey{e.Device, e.Inode}
		if l := w.c.links[key]; l != nil {
			if l.left--; l.left == 0 {
				delete(w.c.links, key)
			}
			return l.follow(w.ctx, w.c, j)
		}
		j.links = &leader{left: int(e.Links) - 1}
		w.c.links[key] = j.links
	}
	if e.Size >= largeFile && !j.block.node.volume.unsized(e) {
		if err := w.flush(); err != nil {
			return err
		}
		return w.c.readLarge(w.ctx, j)
	}
	w.batch = append(w.batch, j)
	w.bytes += e.Size
	if w.bytes >= batchBytes || len(w.batch) >= batchFiles {
		return w.flush()
	}
	return nil
}

func (w *walker) flush() error {
	if len(w.batch) == 0 {
		return nil
	}
	batch := w.batch
	w.batch, w.bytes = nil, 0
	w.c.readAhead(batch)
	return w.c.send(w.ctx, job{files: batch})
}

func (c *capture) send(ctx context.Context, j job) error {
	select {
	case c.jobs <- j:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A leader is the first name of a hard-linked file that the walk found. Its content is
// read once and passed on to the other names.
type leader struct {
	left int // names still to come; used by the walk only

	mu     sync.Mutex
	done   bool
	result snapshot.Entry
	others []fileJob
}

// follow adds another name of the file.
func (l *leader) follow(ctx context.Context, c *capture, j fileJob) error {
	l.mu.Lock()
	done := l.done
	if !done {
		l.others = append(l.others, j)
	}
	l.mu.Unlock()
	if !done {
		return nil
	}
	return l.pass(ctx, c, j)
}

// finish passes the result on to all waiting names.
func (l *leader) finish(ctx context.Context, c *capture, e *snapshot.Entry) error {
	l.mu.Lock()
	l.done, l.result = true, *e
	others := l.others
	l.others = nil
	l.mu.Unlock()
	for _, j := range others {
		if err := l.pass(ctx, c, j); err != nil {
			return err
		}
	}
	return nil
}

// pass gives a name the result, if the result is that of the same file. The first name
// may have belonged to another file, or be gone, by the time it was opened. And a file
// that can't be read under one name may be readable under another.
func (l *leader) pass(ctx context.Context, c *capture, j fileJob) error {
	e := j.entry()
	if l.result.Problem != "" || l.result.Inode != e.Inode {
		return c.readAlone(ctx, j)
	}
	name := e.Name
	*e = l.result
	e.Name = name
	return c.endFile(ctx, j, nil)
}
