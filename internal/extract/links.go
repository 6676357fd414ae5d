package extract

import (
	"fmt"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// A linkJob is a name to be given to a file, once that is written.
type linkJob struct {
	first   *written
	dir     *dir
	entry   *snapshot.Entry
	verdict // of it as a file of its own
}

// runLink gives the file its further name, unless it has it.
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
				x.hold(&held{dir: j.dir, entry: j.entry, part: part})
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

// linked reports whether both names are those of one file already.
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
