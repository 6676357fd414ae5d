package extract

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// A deferred entry is complete, but it can't replace at once what has its name: a
// directory, or something in the place of a directory. It gets its name when everything
// is written. What has its name is then moved aside, and deleted last of all.
type deferred struct {
	dir   *dir
	entry *snapshot.Entry
	part  string // its temporary name
	sub   *dir   // the directory that the entry is, or nil
	file  *written

	placed bool // the entry has its own name
	aside  *disk.Aside
}

func (h *deferred) path() string { return h.dir.join(h.entry.Name) }

// named records the entry's present name; empty means its own.
func (h *deferred) named(part string) {
	if h.sub != nil {
		h.sub.at = part
	}
	if h.file != nil {
		h.file.at = part
	}
}

func (x *extraction) hold(h *deferred) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.deferred = append(x.deferred, h)
}

// placeDeferred gives the deferred entries their names.
func (x *extraction) placeDeferred(ctx context.Context) error {
	for _, h := range x.deferred {
		if err := x.Pace.Pace(ctx); err != nil {
			return err
		}
		if err := x.inDir(h.dir, func(out *disk.Out) error { return x.place(out, h) }); err != nil {
			x.problem(h.path(), err)
		}
	}
	return nil
}

// inDir changes the contents of a directory that may be finished.
func (x *extraction) inDir(d *dir, change func(*disk.Out) error) error {
	return x.dirs.use(d, func(out *disk.Out) error {
		closed, err := x.reopen(out, d)
		if err != nil {
			return err
		}
		defer closed(true)
		return change(out)
	})
}

// place moves aside what has the entry's name, and gives the name to the entry.
func (x *extraction) place(out *disk.Out, h *deferred) error {
	aside, err := out.MoveAside(h.entry.Name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		h.aside = &aside
	}
	if err := out.Rename(h.part, h.entry.Name); err != nil {
		if h.aside != nil {
			err = errors.Join(err, out.PutBack(aside))
			h.aside = nil
		}
		return err
	}
	h.placed = true
	h.named("")
	x.done(Replace, h.path, h.entry)
	return nil
}

// dropDeferred removes the deferred entries that did not get their names.
func (x *extraction) dropDeferred() {
	for _, h := range x.deferred {
		if h.placed {
			continue
		}
		if err := x.inDir(h.dir, func(out *disk.Out) error { return out.Remove(h.part) }); err != nil {
			x.problem(h.path(), err)
		}
	}
}

// putBack gives the asides their names back.
func (x *extraction) putBack() {
	for _, h := range x.deferred {
		if h.aside == nil {
			continue
		}
		err := x.inDir(h.dir, func(out *disk.Out) error {
			if err := out.Rename(h.entry.Name, h.part); err != nil {
				return err
			}
			h.placed = false
			h.named(h.part)
			return out.PutBack(*h.aside)
		})
		if err != nil {
			x.problem(h.path(), fmt.Errorf("what it replaced is kept as %s: %w", h.aside.Path(), err))
		}
		h.aside = nil
	}
}

// clearAsides deletes what was moved aside, unless something failed.
func (x *extraction) clearAsides(ctx context.Context) error {
	failed := x.Progress.Problems.Load() > 0
	for _, h := range x.deferred {
		if h.aside == nil {
			continue
		}
		if err := x.Pace.Pace(ctx); err != nil {
			return err
		}
		why := "as not everything could be restored"
		if !failed {
			gone, reason, err := x.clearAside(ctx, h)
			if err != nil {
				return err
			}
			if gone {
				h.aside = nil
				continue
			}
			why = reason
		}
		x.problem(h.path(), fmt.Errorf("what it replaced is kept as %s, %s", path.Join(path.Dir(h.path()), h.aside.Path()), why))
		h.aside = nil
	}
	return nil
}

func (x *extraction) clearAside(ctx context.Context, h *deferred) (gone bool, why string, ended error) {
	s := x.look(false)
	at, err := s.levelOf(ctx, h.dir)
	if err == nil {
		at.Whole = true
		err = x.inDir(h.dir, func(out *disk.Out) error {
			err := out.OpenAside(*h.aside, func(out *disk.Out, name string) error {
				var e snapshot.Entry
				if _, err := out.Lstat(name, &e); err != nil {
					return err
				}
				if e.Type == snapshot.Dir {
					d := &dir{x: x, parent: h.dir, entry: &e, path: h.path(), exists: true, picked: true}
					if all, err := s.inside(ctx, out, &at, d); err != nil || !all {
						ended = err
						return errors.New(s.why)
					}
				}
				if !s.remove(out, h.path(), &e) {
					return errors.New(s.why)
				}
				return nil
			})
			if err != nil {
				return err
			}
			return out.Forget(*h.aside)
		})
	}
	if err != nil {
		return false, err.Error(), ended
	}
	return true, "", nil
}

// tidy removes from a directory the parts of dead extractions, and gives their asides
// their names back.
func (x *extraction) tidy(d *dir) {
	if !d.exists || d.made || d.failed || x.DryRun {
		return
	}
	err := x.dirs.use(d, func(out *disk.Out) error {
		names, err := out.Names()
		if err != nil {
			return err
		}
		for _, name := range names {
			switch {
			case disk.IsPart(name):
				err = x.tidyPart(out, name)
			case disk.IsAside(name):
				err = x.tidyAside(out, d, name)
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
				x.problem(d.join(name), err)
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		x.problem(d.path, err)
	}
}

// tidyPart removes a part of a dead writer. Nothing in it was ever the user's.
func (x *extraction) tidyPart(out *disk.Out, name string) error {
	if disk.PartSession(name).State() != disk.Dead {
		return nil
	}
	return out.Remove(name)
}

// tidyAside gives an aside of a dead extraction its name back, or reports it.
func (x *extraction) tidyAside(out *disk.Out, d *dir, name string) error {
	list, session, err := out.Asides(name)
	if err != nil {
		return err
	}
	switch session.State() {
	case disk.Alive:
		return nil
	case disk.Unknown:
		x.leftover(d.join(name), "a restore that is unknown on this machine has moved it out of the way")
		return nil
	}
	if len(list) == 0 {
		return out.Rmdir(name)
	}
	for _, a := range list {
		switch err := out.PutBack(a); {
		case err == nil:
			x.leftover(d.join(a.Was), "an interrupted restore had moved it out of the way: it is back")
		case errors.Is(err, fs.ErrExist):
			x.leftover(d.join(a.Path()), fmt.Sprintf("an interrupted restore has replaced it by %s, and didn't delete it: delete it if you don't need it", a.Was))
		default:
			return err
		}
	}
	return nil
}

func (x *extraction) leftover(path, text string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.Leftover != nil {
		x.Leftover(path, text)
	}
}
