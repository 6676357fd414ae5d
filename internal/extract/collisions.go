package extract

import (
	"context"
	"fmt"
	"hash/maphash"
	"strings"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/samename"
	"github.com/qsnap/qsnap/snapshot"
)

// findCollisions finds, before anything is written, which names of the snapshot are the
// same in the destination, for example because it ignores case or the composition of
// letters. None of these is restored: one would replace the other.
//
// The destination decides which names are the same: names that might be are created
// there, in a directory of their own, and looked up.
func (x *extraction) findCollisions(ctx context.Context) error {
	root := &dir{x: x, entry: &x.Root, exists: true, picked: x.Include == nil}
	top := x.namesIn(root)
	if x.DryRun && x.Made && x.RoomAt != "" { // the directory where the destination would be created
		out, err := disk.OpenOut(x.RoomAt, x.session)
		if err != nil {
			return nil // the restore would fail
		}
		defer out.Close()
		top = samename.NewDir(func(f func(*disk.Out) error) error { return f(out) }, nil)
	}
	if x.isEmpty(root) { // then everything that is created has its rules
		if top.AllDistinct() {
			return nil
		}
		if !x.DryRun {
			if distinct, err := top.Probe(); distinct || err != nil {
				return nil // if nothing can be created, the restore reports it
			}
		}
	}
	x.colliding = map[string]bool{}
	m := &collisions{x: x, seed: maphash.MakeSeed()}
	_, err := m.walk(ctx, root, top)
	if err == nil && m.unknown != nil {
		x.notice(m.unknown.First, m.unknown)
	}
	return err
}

func (x *extraction) isEmpty(d *dir) bool {
	var names []string
	err := x.dirs.use(d, func(out *disk.Out) (err error) { names, err = out.Names(); return err })
	return x.Made || err == nil && len(names) == 0
}

// collisions is a search for names that are the same in the destination.
type collisions struct {
	x    *extraction
	seed maphash.Seed

	unknown *NamesUnknown // in a dry run
}

// walk examines a directory and everything below it. g is that directory, or the nearest
// existing one above it. some says that something there is to be restored.
func (m *collisions) walk(ctx context.Context, d *dir, g *samename.Dir) (some bool, err error) {
	apart := g.AllDistinct()
	if apart && !d.exists {
		return true, nil // then the directory's own name is distinct, too
	}
	idle, names, suspicion := map[string]bool{}, 0, samename.NewSuspicion(m.seed)
	for e, err := range snapshot.ReadDir(ctx, m.x.Source, d.entry.Subtree) {
		if err != nil {
			return some, ctx.Err() // the restore reports what can't be read
		}
		picked, enter := m.x.pick(d, e)
		if enter && e.Problem == "" {
			below, err := m.below(ctx, d, e, picked, g)
			if err != nil {
				return some, err
			}
			if picked = picked || below; !picked {
				idle[strings.Clone(e.Name)] = true
			}
		}
		if !picked || e.Problem != "" {
			continue
		}
		if names++; apart {
			continue
		}
		suspicion.Add(e.Name)
	}
	some = names > 0
	if names < 2 || !suspicion.Some() {
		return some, nil
	}
	if !m.x.DryRun {
		if distinct, err := g.Probe(); distinct || err != nil {
			return some, nil
		}
	}
	return some, m.decide(ctx, d, g, idle)
}

// decide decides which names of a directory are the same, by trying or, in a dry run, by
// inferring that.
func (m *collisions) decide(ctx context.Context, d *dir, g *samename.Dir, idle map[string]bool) error {
	names, err := m.names(ctx, d, idle)
	if err != nil {
		return err
	}
	same := func(first, name string) { m.collide(d, first, name) }
	if m.x.DryRun {
		g.Infer(names, d.exists, same, func(first, name string) { m.unknownNames(d, first, name) })
		return nil
	}
	return g.Try(ctx, names, same)
}

func (m *collisions) below(ctx context.Context, d *dir, e *snapshot.Entry, picked bool, g *samename.Dir) (some bool, err error) {
	sub := &dir{x: m.x, parent: d, entry: e, path: d.join(e.Name), picked: picked}
	if m.x.find(sub); sub.exists {
		g = m.x.namesIn(sub)
	}
	return m.walk(ctx, sub, g)
}

// names returns the names of a directory that are to be restored. idle holds directories
// of which nothing is restored.
func (m *collisions) names(ctx context.Context, d *dir, idle map[string]bool) (names []string, err error) {
	for e, err := range snapshot.ReadDir(ctx, m.x.Source, d.entry.Subtree) {
		if err != nil {
			return nil, ctx.Err()
		}
		picked, enter := m.x.pick(d, e)
		if (picked || enter) && e.Problem == "" && !idle[e.Name] {
			names = append(names, strings.Clone(e.Name))
		}
	}
	return names, nil
}

// collide records that two names of a directory are the same in the destination.
func (m *collisions) collide(d *dir, first, name string) {
	m.x.colliding[d.join(first)], m.x.colliding[d.join(name)] = true, true
	spelled := ""
	if samename.FoldCase(first) != samename.FoldCase(name) { // they may look the same
		spelled = fmt.Sprintf(" (%+q and %+q)", first, name)
	}
	m.x.problem(d.join(name), fmt.Errorf("not restored, nor is %q: the destination doesn't tell their names apart%s; restore each to a directory of its own", d.join(first), spelled))
}

// unknownNames records that it isn't known whether two names are the same.
func (m *collisions) unknownNames(d *dir, first, name string) {
	if m.unknown == nil {
		m.unknown = &NamesUnknown{First: d.join(first), Second: d.join(name)}
		return
	}
	m.unknown.More++
}

// NamesUnknown says that a dry run, which writes nothing, can't find out whether the
// destination treats some names as the same.
type NamesUnknown struct {
	First, Second string // paths of two such names
	More          uint64 // number of further pairs
}

// Error names two of the names.
func (e *NamesUnknown) Error() string {
	more := ""
	if e.More > 0 {
		more = fmt.Sprintf(" (there are %d more such pairs)", e.More)
	}
	return fmt.Sprintf("whether the destination tells %+q and %+q apart can't be known without writing there%s: a restore finds out before it restores anything", e.First, e.Second, more)
}

// namesIn returns what finds out which names an existing directory treats as the same.
func (x *extraction) namesIn(d *dir) *samename.Dir {
	return samename.NewDir(
		func(f func(*disk.Out) error) error { return x.dirs.use(d, f) },
		func(f func(*disk.Scratch) error) error { return x.scratch(d, f) },
	)
}

// scratch calls f with a directory for trying names. Afterwards the directory is as
// before.
func (x *extraction) scratch(d *dir, f func(*disk.Scratch) error) error {
	return x.dirs.use(d, func(out *disk.Out) error {
		var own snapshot.Entry
		if _, err := out.Self(&own); err != nil {
			return err
		}
		closed, err := x.reopen(out, d)
		if err != nil {
			return err
		}
		defer closed(false)
		defer func() { _ = out.SetTime(own.MTime) }() // fails on another user's directory
		s, err := out.Scratch()
		if err != nil {
			return err
		}
		err = f(s)
		if left := s.Close(); left != nil {
			x.problem(d.path, left)
		}
		return err
	})
}
