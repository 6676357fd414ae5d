package extract

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/protect"
	"github.com/qsnap/qsnap/internal/samename"
	"github.com/qsnap/qsnap/snapshot"
)

// A sweep visits the directories that are in the snapshot and in the destination, and
// deletes what only the destination has, as far as the rules allow. It can also only
// look.
type sweep struct {
	x *extraction
	protect.Guard
	only  bool  // only look, change nothing
	quiet bool  // don't report what would be done
	plan  *Plan // the plan to fill, or nil

	gone uint64 // entries that were or would be deleted
	seen uint64 // entries that are in the destination
	why  string // the first reason why something stays

	doubts []func() // report the problems of a quiet sweep that makes a plan
}

// A Spared is something that is not in the snapshot and was not deleted.
type Spared struct {
	Path, Reason string
	// Mount is the path of the mount point that holds it, if the snapshot has that.
	Mount string
}

// newSweep returns a sweep with the extraction's rules.
func (x *extraction) newSweep(s sweep) *sweep {
	s.x = x
	s.Guard = protect.Guard{Rules: &x.Rules, Source: x.Source, Root: &x.Root, Whole: x.Whole, Replaces: x.replacesAll()}
	return &s
}

// below returns the level of a subdirectory; see Guard.Below.
func (s *sweep) below(ctx context.Context, l *protect.Level, d *dir, out *disk.Out, e *snapshot.Entry) (*protect.Level, error) {
	named := s.x.InPlace && d.parent != nil && s.x.onTheWay(d.parent) && !s.x.onTheWay(d)
	return s.Below(ctx, l, d.path, named, out, e)
}

// replacesAll reports whether existing files are always made equal to the snapshot's.
func (x *extraction) replacesAll() bool {
	return x.Policy == Always && x.Include == nil && x.Exclude == nil
}

// run visits the whole destination.
func (s *sweep) run(ctx context.Context) error {
	d := &dir{x: s.x, entry: &s.x.Root, exists: true, picked: s.x.Include == nil}
	l, err := s.Top(ctx, s.x.dirs.root)
	if err != nil {
		return s.failed(ctx, d, err)
	}
	return s.dir(ctx, d, l)
}

// failed reports a directory that is left alone. The context's error ends the sweep.
func (s *sweep) failed(ctx context.Context, d *dir, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.reportTrouble(d.path, fmt.Errorf("nothing in it is deleted: %w", err))
	return nil
}

// dir visits one directory of the snapshot, and then its subdirectories.
func (s *sweep) dir(ctx context.Context, d *dir, l *protect.Level) error {
	extra, subs, err := s.compare(ctx, d, l)
	if err != nil {
		return s.failed(ctx, d, err)
	}
	if len(extra) > 0 && !l.Whole {
		s.recordSparedBeside(d)
		extra = nil
	}
	extra, ignores := s.IgnoreFilesLast(extra)
	if err := s.extras(ctx, d, l, extra); err != nil {
		return err
	}
	if err := s.subs(ctx, d, l, subs); err != nil {
		return err
	}
	return s.extras(ctx, d, l, ignores)
}

// subs visits subdirectories that the snapshot has.
func (s *sweep) subs(ctx context.Context, d *dir, l *protect.Level, subs []*snapshot.Entry) error {
	for _, e := range subs {
		picked, enter := s.x.pick(d, e)
		if !enter {
			s.Kept++
			continue
		}
		sub := &dir{x: s.x, parent: d, entry: e, path: d.join(e.Name), exists: true, picked: picked}
		if s.x.find(sub); !sub.exists {
			continue
		}
		if sub.isForeign() { // nothing is deleted behind a link
			s.Kept++
			continue
		}
		var below *protect.Level
		err := s.x.dirs.use(sub, func(out *disk.Out) (err error) {
			below, err = s.below(ctx, l, sub, out, e)
			return err
		})
		if err != nil {
			err = s.failed(ctx, sub, err)
		} else {
			err = s.dir(ctx, sub, below)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// compare returns the names that only the destination has in a directory, and the
// subdirectories that the snapshot has in it.
func (s *sweep) compare(ctx context.Context, d *dir, l *protect.Level) (extra []string, subs []*snapshot.Entry, err error) {
	var there []string
	err = s.x.dirs.use(d, func(out *disk.Out) (err error) {
		there, err = out.Names()
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	s.seen += uint64(len(there))
	rest := make(map[string]bool, len(there))
	for _, name := range there {
		if !disk.IsPart(name) && !disk.IsAside(name) {
			rest[name] = true
		}
	}
	var unlisted []string
	for e, err := range snapshot.ReadDir(ctx, s.x.Source, d.entry.Subtree) {
		if err != nil {
			s.Unsure = true
			return nil, nil, err
		}
		if rest[e.Name] {
			delete(rest, e.Name)
		} else {
			unlisted = append(unlisted, e.Name)
		}
		if e.Type == snapshot.Dir && e.Problem == "" {
			subs = append(subs, e)
		} else if e.Type == snapshot.Dir {
			s.Kept++
		} else if s.plan != nil && e.Problem == "" {
			if err := s.displaced(ctx, d, l, e.Name); err != nil {
				return nil, nil, err
			}
		}
	}
	if len(rest) == 0 {
		return nil, subs, nil
	}
	err = s.x.dirs.use(d, func(out *disk.Out) (err error) {
		extra, err = samename.WithoutAliases(out, slices.Sorted(maps.Keys(rest)), unlisted)
		return err
	})
	return extra, subs, err
}

// extras deletes names that only the destination has from a directory.
func (s *sweep) extras(ctx context.Context, d *dir, l *protect.Level, names []string) error {
	if len(names) == 0 {
		return nil
	}
	before := s.gone
	var ended error
	err := s.x.dirs.use(d, func(out *disk.Out) error {
		if !s.only {
			closed, err := s.x.reopen(out, d)
			if err != nil {
				return err
			}
			defer func() { closed(s.gone > before) }()
		}
		for _, name := range names {
			if _, ended = s.extra(ctx, out, l, d, name); ended != nil {
				break
			}
		}
		return nil
	})
	if ended != nil {
		return ended
	}
	if err != nil {
		s.x.problem(d.path, err)
	}
	return nil
}

// extra deletes one entry, with its contents as far as these may be deleted. It reports
// whether everything was deleted. Failures are reported; an error ends the sweep.
func (s *sweep) extra(ctx context.Context, out *disk.Out, l *protect.Level, d *dir, name string) (all bool, err error) {
	if err := s.x.Pace.Pace(ctx); err != nil {
		return false, err
	}
	full := d.join(name)
	var e snapshot.Entry
	if _, err := out.Lstat(name, &e); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return true, nil
		}
		s.reportTrouble(full, err)
		return false, nil
	}
	picked, _ := s.x.pick(d, &e)
	if !picked {
		s.Kept++
		return false, nil
	}
	place, err := out.Identify(name)
	why := ""
	if err == nil {
		why, err = s.Reason(ctx, l, &e, place)
	}
	if err != nil {
		s.reportTrouble(full, err)
		return false, nil
	}
	if why != "" {
		s.recordSpared(full, why, l)
		return false, nil
	}
	if e.Type == snapshot.Dir {
		if all, err := s.inside(ctx, out, l, &dir{x: s.x, parent: d, entry: &e, path: full, exists: true, picked: true}); !all || err != nil {
			return false, err
		}
	}
	return s.remove(out, full, &e), nil
}

// reportTrouble reports what prevents something from being deleted.
func (s *sweep) reportTrouble(path string, err error) {
	s.Kept++
	if s.why == "" {
		s.why = err.Error()
	}
	switch {
	case !s.quiet:
		s.x.problem(path, err)
	case s.plan != nil:
		s.doubts = append(s.doubts, func() { s.x.problem(path, err) })
	}
}

// inside deletes the contents of a directory that the snapshot doesn't have.
func (s *sweep) inside(ctx context.Context, parent *disk.Out, l *protect.Level, d *dir) (all bool, err error) {
	out, err := parent.Sub(d.entry.Name)
	if err != nil {
		s.reportTrouble(d.path, err)
		return false, nil
	}
	defer out.Close()
	below, err := s.below(ctx, l, d, out, nil)
	var names []string
	if err == nil {
		names, err = out.Names()
	}
	if err != nil {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		s.reportTrouble(d.path, err)
		return false, nil
	}
	below.Whole = true // because the snapshot has nothing in it, like the directory itself
	if below.Stays != "" && len(names) == 0 {
		s.recordSpared(d.path, below.Stays, l)
		return false, nil
	}
	s.seen += uint64(len(names))
	all = true
	names, ignores := s.IgnoreFilesLast(names)
	for _, name := range append(names, ignores...) {
		gone, err := s.extra(ctx, out, below, d, name)
		if err != nil {
			return false, err
		}
		all = all && gone
	}
	return all, nil
}

// remove deletes one entry that is empty.
func (s *sweep) remove(out *disk.Out, full string, e *snapshot.Entry) bool {
	var err error
	switch {
	case s.only:
	case e.Type == snapshot.Dir:
		err = out.Rmdir(e.Name)
	default:
		err = out.Unlink(e.Name)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.reportTrouble(full, err)
		return false
	}
	s.gone++
	if s.plan != nil && len(s.plan.Paths) < planPaths {
		s.plan.Paths = append(s.plan.Paths, full)
	}
	if !s.quiet {
		s.x.done(Delete, func() string { return full }, e)
	}
	return true
}

// recordSpared records that something stays.
func (s *sweep) recordSpared(path, why string, l *protect.Level) {
	if s.why == "" {
		s.why = path + ": " + why
	}
	if !s.quiet {
		s.x.spared(Spared{path, why, l.Mount})
	}
}

// recordSparedBeside records that what is beside the snapshot's paths stays, with one
// line for each directory above them, which may be as large as a home directory.
func (s *sweep) recordSparedBeside(d *dir) {
	s.Kept++
	if !s.quiet {
		s.x.spared(Spared{Path: cmp.Or(d.path, "."), Reason: "the snapshot holds only a part of it: what else is in it stays"})
	}
}
