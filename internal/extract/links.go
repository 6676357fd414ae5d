package extract

import (
	"fmt"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// A linkable is a file of the snapshot on one mounted file system of the destination,
// where it can have several names.
type linkable struct {
	file          snapshot.FileKey
	device, mount uint64
}

// firstOf returns the file of which an entry becomes a further name. If there is none
// yet, it returns the file to write, which is the first from now on.
func (x *extraction) firstOf(d *dir, e *snapshot.Entry, v verdict) (first, w *written) {
	key := e.FileKey()
	first = x.links[key]
	if first == nil {
		w = newWritten(d, e, v)
		x.links[key] = w
		return nil, w
	}
	there, here := x.placeOf(first.dir), x.placeOf(d)
	switch {
	case !x.canLink(d, here):
		if v.todo || x.Policy != Never && x.Policy != IfNewer {
			x.reportTo(func() string { return d.join(e.Name) })(fmt.Errorf("it is restored as a file of its own: the destination can't have hard links, and in the snapshot it is one to %s", first.path()))
		}
		return nil, newWritten(d, e, v)
	case there.On(here):
		return first, nil
	}
	at := linkable{key, here.Device, here.Mount}
	if other := x.apart[at]; other != nil {
		return other, nil
	}
	w = newWritten(d, e, v)
	x.apart[at] = w
	if v.todo || x.Policy != Never && x.Policy != IfNewer {
		x.reportTo(w.path)(fmt.Errorf("it is restored as a file of its own: a hard link to %s can't lead to another file system", first.path()))
	}
	return nil, w
}

// canLink reports whether files can have several names on the file system of a directory.
// If that is unknown, it is tried once; a dry run assumes that they can.
func (x *extraction) canLink(d *dir, at disk.Identity) bool {
	key := [2]uint64{at.Device, at.Mount}
	if can, known := x.linking[key]; known {
		return can
	}
	can, known := true, false
	if err := x.dirs.use(d, func(out *disk.Out) error { can, known = out.CanLink(); return nil }); err != nil || !known {
		can = true
		if !x.DryRun {
			_ = x.scratch(d, func(s *disk.Scratch) error { // if nothing can be created, the restore reports it
				can = s.CanLink()
				return nil
			})
		}
	}
	x.linking[key] = can
	return can
}

// placeOf returns the identity of a directory, or of the one where it will be made.
func (x *extraction) placeOf(d *dir) disk.Identity {
	for d.made {
		d = d.parent
	}
	if d.place == (disk.Identity{}) {
		_ = x.dirs.use(d, func(out *disk.Out) (err error) { // if that fails, so do later operations
			d.place, err = out.Identify("")
			return err
		})
	}
	return d.place
}

// A linkJob is a further name to give to a file when it is written.
type linkJob struct {
	first   *written
	dir     *dir
	entry   *snapshot.Entry
	verdict // what to do if it were a separate file
}

// runLink gives the file its further name, unless it has that name.
func (x *extraction) runLink(j linkJob) {
	full := func() string { return j.dir.join(j.entry.Name) }
	defer x.count(j.entry)
	j.first.mu.Lock()
	failed := j.first.failed
	j.first.mu.Unlock()
	if failed {
		x.problem(full(), fmt.Errorf("it is a hard link to %s, which could not be restored", j.first.path()))
		return
	}
	if x.linked(j) {
		x.Progress.Same.Add(1)
		return
	}
	if j.action != Create {
		j.action = Replace
	}
	if j.action == Replace && (x.Policy == Never || x.Policy == IfNewer && !j.todo) {
		x.Progress.Same.Add(1)
		return
	}
	if !x.planned(j.action, full, j.entry) {
		return
	}
	err := x.dirs.use(j.first.dir, func(from *disk.Out) error {
		return x.dirs.use(j.dir, func(out *disk.Out) error {
			if !j.displaces {
				return out.Link(from, j.first.name(), j.entry.Name)
			}
			part, err := out.LinkPart(from, j.first.name(), j.entry.Name)
			if err == nil {
				x.hold(&deferred{dir: j.dir, entry: j.entry, part: part})
			}
			return err
		})
	})
	if err != nil {
		x.problem(full(), fmt.Errorf("hard link to %s: %w", j.first.path(), err))
		return
	}
	if !j.displaces {
		x.done(j.action, full, j.entry)
	}
}

// linked reports whether both names already are those of one file.
func (x *extraction) linked(j linkJob) bool {
	if j.dir.made || j.action == Create {
		return false
	}
	inode := func(d *dir, name string) (e snapshot.Entry, ok bool) {
		err := x.dirs.use(d, func(out *disk.Out) error { _, err := out.Lstat(name, &e); return err })
		return e, err == nil && e.Links > 1
	}
	a, ok1 := inode(j.first.dir, j.first.name())
	b, ok2 := inode(j.dir, j.entry.Name)
	return ok1 && ok2 && a.Inode == b.Inode && a.Device == b.Device
}
