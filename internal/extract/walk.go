package extract

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// walk plans a directory and everything in it, and does at once what needs no chunks.
func (x *extraction) walk(ctx context.Context, d *dir) error {
	x.tidy(d)
	for e, err := range snapshot.ReadDir(ctx, x.Source, d.entry.Subtree) {
		if err != nil {
			return x.unreadable(ctx, d, err)
		}
		if err := x.failed(ctx); err != nil {
			return err
		}
		picked, enter := x.pick(d, e)
		if !picked && !enter || x.colliding != nil && x.colliding[d.join(e.Name)] {
			continue
		}
		if err := x.entry(ctx, d, e, picked); err != nil {
			return err
		}
	}
	if x.finishes(d) {
		x.win.left = append(x.win.left, d)
	}
	return nil
}

// unreadable reports a directory whose tree is damaged. Other errors are fatal.
func (x *extraction) unreadable(ctx context.Context, d *dir, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	x.problem(d.path, fmt.Errorf("its contents can't be read: %w", err))
	return nil
}

// finishes reports whether a directory gets the snapshot's attributes. An existing
// directory that isn't in the snapshot, or is above the snapshot's paths, keeps its own.
func (x *extraction) finishes(d *dir) bool {
	switch {
	case d.made:
		return true
	case d.parent == nil && x.Bare:
		return false
	case d.parent == nil && !x.Made && (!x.InPlace || x.onTheWay(d)):
		return false
	case d.parent != nil && (x.onTheWay(d) || d.isForeign()):
		return false
	}
	return d.picked && d.exists && !d.failed && x.Policy != Never
}

// reopen lets the user write to a directory that may be finished. The caller must call
// closed in the end and say whether anything in the directory was changed.
func (x *extraction) reopen(out *disk.Out, d *dir) (closed func(changed bool), err error) {
	var own snapshot.Entry
	if _, err := out.Self(&own); err != nil {
		return nil, err
	}
	if err := out.Unlock(); err != nil {
		return nil, err
	}
	return func(changed bool) {
		switch {
		case changed && x.finishes(d):
			x.finish(d)
		case out.Locks(own.Mode):
			if err := out.Chmod(own.Mode); err != nil {
				x.problem(d.path, err)
			}
		}
	}, nil
}

// pick reports whether an entry is to be restored and, for a directory, whether something
// in it may be.
func (x *extraction) pick(d *dir, e *snapshot.Entry) (picked, enter bool) {
	isDir := e.Type == snapshot.Dir
	if x.Include == nil && x.Exclude == nil {
		return d.picked, isDir
	}
	full := d.join(e.Name)
	if _, excluded := x.Exclude.Match(full, isDir); excluded {
		return false, false
	}
	if rule, included := x.Include.Match(full, isDir); rule != nil {
		return included, isDir
	}
	return d.picked, isDir
}

// entry plans one entry.
func (x *extraction) entry(ctx context.Context, d *dir, e *snapshot.Entry, picked bool) error {
	if e.Problem != "" && picked {
		x.problem(d.join(e.Name), fmt.Errorf("it is not in the snapshot: when that was made: %s", e.Problem))
		if e.Type != snapshot.Dir {
			return nil
		}
	}
	if e.Type == snapshot.Dir {
		sub := &dir{x: x, parent: d, entry: e, path: d.join(e.Name), picked: picked}
		if picked {
			if err := x.ensure(sub); err != nil {
				x.problem(d.join(e.Name), err)
				return nil
			}
		} else {
			x.find(sub)
		}
		x.Progress.Dirs.Add(1)
		if e.Problem != "" {
			return nil
		}
		return x.walk(ctx, sub)
	}
	if err := x.ensure(d); err != nil {
		x.problem(d.join(e.Name), err)
		return nil
	}
	return x.leaf(ctx, d, e)
}

// find checks whether a directory that needn't be made exists.
func (x *extraction) find(d *dir) {
	if !d.parent.exists {
		return
	}
	var have snapshot.Entry
	err := x.dirs.use(d.parent, func(out *disk.Out) error {
		_, err := out.Lstat(d.entry.Name, &have)
		if err == nil && x.leads(out, d, &have) {
			return d.follow(out)
		}
		return err
	})
	d.exists = err == nil && (have.Type == snapshot.Dir || d.through)
}

// ensure makes a directory and its parents, unless they exist.
func (x *extraction) ensure(d *dir) error {
	if d.exists || d.failed {
		return nil
	}
	if err := x.ensure(d.parent); err != nil {
		return err
	}
	if d.failed = d.parent.failed; d.failed {
		return nil
	}
	d.exists = true
	if d.parent.made && x.DryRun {
		d.made = true
		x.done(Create, d.full, d.entry)
		return nil
	}
	err := x.dirs.use(d.parent, func(out *disk.Out) error { return x.ensureIn(out, d) })
	if err != nil {
		d.failed = true
	}
	return err
}

func (x *extraction) ensureIn(out *disk.Out, d *dir) error {
	var have snapshot.Entry
	if !d.parent.made {
		switch _, err := out.Lstat(d.entry.Name, &have); {
		case err == nil && have.Type == snapshot.Dir:
			return x.unlock(d)
		case err == nil && x.Policy == Never:
			return errors.New("it is no directory there, and existing files are to be left alone")
		case err == nil && x.leads(out, d, &have):
			return d.follow(out)
		case err == nil && have.Type == snapshot.Symlink && out.LeadsToDir(d.entry.Name):
			return errors.New("a link to a directory is in its place: it stays, and nothing is written below it (--follow-links writes there)")
		case err == nil:
			d.made = true
			if !x.planned(Replace, d.full, d.entry) {
				return nil
			}
			part, err := out.MkdirPart()
			if err == nil {
				d.at = part
				x.hold(&deferred{dir: d.parent, entry: d.entry, part: part, sub: d})
			}
			return err
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	d.made = true
	if !x.planned(Create, d.full, d.entry) {
		return nil
	}
	err := out.Mkdir(d.entry.Name)
	if err == nil {
		x.done(Create, d.full, d.entry)
	}
	return err
}

// leads reports whether what has a directory's name is a link to a directory that must be
// followed: any link if FollowLinks is set, and in place those above the snapshot's
// paths.
func (x *extraction) leads(out *disk.Out, d *dir, have *snapshot.Entry) bool {
	if have.Type != snapshot.Symlink || !out.LeadsToDir(have.Name) {
		return false
	}
	d.way = x.InPlace && x.onTheWay(d.parent)
	return d.way || x.FollowLinks
}

// onTheWay reports whether a directory is only above the snapshot's paths.
func (x *extraction) onTheWay(d *dir) bool {
	return x.Whole != nil && !x.Whole(d.path)
}

// unlock makes an existing directory writable: until it gets its attributes or, if it
// keeps its own, until the end.
func (x *extraction) unlock(d *dir) error {
	if x.DryRun {
		return nil
	}
	return x.dirs.use(d, func(out *disk.Out) error {
		var own snapshot.Entry
		if _, err := out.Self(&own); err != nil || !out.Locks(own.Mode) {
			return err
		}
		if err := out.Unlock(); err != nil {
			return err
		}
		x.unlocked = append(x.unlocked, unlocked{d, own.Mode})
		return nil
	})
}

// An unlocked directory had another mode.
type unlocked struct {
	dir  *dir
	mode uint32
}

// lock restores the modes of directories that keep their own.
func (x *extraction) lock() {
	for _, u := range x.unlocked {
		if x.finishes(u.dir) {
			continue
		}
		if err := x.dirs.use(u.dir, func(out *disk.Out) error { return out.Chmod(u.mode) }); err != nil {
			x.problem(u.dir.path, err)
		}
	}
}
