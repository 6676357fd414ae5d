package extract

import (
	"container/list"
	"errors"
	"sync"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/protect"
	"github.com/qsnap/qsnap/snapshot"
)

// A dir is a directory of the snapshot, and of the destination.
type dir struct {
	x      *extraction
	parent *dir // nil for the root
	entry  *snapshot.Entry
	path   string // relative to the root
	picked bool   // everything in it is restored, unless excluded

	exists bool           // exists in the destination
	made   bool           // the extraction made it: nothing else can be in it
	failed bool           // it can't be written to
	level  *protect.Level // see sweep.levelOf
	place  disk.Identity  // see placeOf

	at      string      // its temporary name, if something has its own name
	through bool        // it is reached through a link
	way     bool        // as when the snapshot was taken
	target  disk.FileID // the directory that the link leads to
}

func (d *dir) full() string { return d.path }

// join returns the path of a name in the directory.
func (d *dir) join(name string) string {
	if d.path == "" {
		return name
	}
	return d.path + "/" + name
}

// openIn opens the directory in its parent.
func (d *dir) openIn(parent *disk.Out) (*disk.Out, error) {
	switch {
	case d.at != "":
		return parent.Sub(d.at)
	case !d.through:
		return parent.Sub(d.entry.Name)
	}
	out, err := parent.Through(d.entry.Name)
	if err != nil {
		return nil, err
	}
	place, err := out.Identify("")
	id := place.File()
	if d.target == (disk.FileID{}) {
		d.target = id
	}
	if err == nil && id != d.target {
		err = errors.New("the link now leads elsewhere")
	}
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	return out, nil
}

// isForeign reports whether the directory is behind a link that the snapshot doesn't
// know.
func (d *dir) isForeign() bool { return d.through && !d.way }

// follow records which directory a link leads to, once and for all.
func (d *dir) follow(parent *disk.Out) error {
	d.through = true
	out, err := d.openIn(parent)
	if err != nil {
		return err
	}
	return out.Close()
}

// A dirCache keeps directories of the destination open: those in use and some more.
type dirCache struct {
	root *disk.Out

	mu    sync.Mutex
	open  map[*dir]*list.Element // of *openDir
	order list.List              // most recently used first
}

// openDirs is how many directories are kept open that are not in use.
const openDirs = 128

type openDir struct {
	dir   *dir
	out   *disk.Out
	users int
}

func newDirCache(root *disk.Out) *dirCache {
	return &dirCache{root: root, open: map[*dir]*list.Element{}}
}

// use calls f with the open directory.
func (c *dirCache) use(d *dir, f func(*disk.Out) error) error {
	if d.parent == nil {
		return f(c.root)
	}
	o, err := c.acquire(d)
	if err != nil {
		return err
	}
	defer c.release(o)
	return f(o.out)
}

func (c *dirCache) acquire(d *dir) (*openDir, error) {
	c.mu.Lock()
	if el, ok := c.open[d]; ok {
		c.order.MoveToFront(el)
		o := el.Value.(*openDir)
		o.users++
		c.mu.Unlock()
		return o, nil
	}
	c.mu.Unlock()
	var out *disk.Out
	err := c.use(d.parent, func(parent *disk.Out) (err error) {
		out, err = d.openIn(parent)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.open[d]; ok { // another goroutine has opened it meanwhile
		o := el.Value.(*openDir)
		o.users++
		return o, out.Close()
	}
	o := &openDir{d, out, 1}
	c.open[d] = c.order.PushFront(o)
	return o, c.shrink()
}

func (c *dirCache) release(o *openDir) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o.users--
}

// shrink closes the least recently used directories.
func (c *dirCache) shrink() error {
	var errs []error
	for el := c.order.Back(); el != nil && c.order.Len() > openDirs; {
		before := el.Prev()
		if o := el.Value.(*openDir); o.users == 0 {
			c.order.Remove(el)
			delete(c.open, o.dir)
			errs = append(errs, o.out.Close())
		}
		el = before
	}
	return errors.Join(errs...)
}

func (c *dirCache) close() {
	for el := c.order.Front(); el != nil; el = el.Next() {
		_ = el.Value.(*openDir).out.Close()
	}
	_ = c.root.Close()
}
