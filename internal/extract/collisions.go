package extract

import (
	"context"
	"fmt"
	"hash/maphash"
	"strings"

	"github.com/qsnap/qsnap/internal/disk"
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
	top := &baseDir{dir: root}
	if x.DryRun && x.Made && x.RoomAt != "" { // the directory where the destination would be created
		out, err := disk.OpenOut(x.RoomAt, x.session)
		if err != nil {
			return nil // the restore would fail
		}
		defer out.Close()
		top.out = out
	}
	if x.isEmpty(root) { // then everything that is created has its rules
		if top.allDistinct(x) || !x.DryRun && (top.probe(x) != nil || top.apart) {
			return nil // if nothing can be created, the restore reports it
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
func (m *collisions) walk(ctx context.Context, d *dir, g *baseDir) (some bool, err error) {
	apart := g.allDistinct(m.x)
	if apart && !d.exists {
		return true, nil // then the directory's own name is distinct, too
	}
	seen, idle, names, suspect := map[uint64]bool{}, map[string]bool{}, 0, false
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
		key := maphash.String(m.seed, plainKey(e.Name))
		suspect = suspect || !isPlain(e.Name) || seen[key]
		seen[key] = true
	}
	some = names > 0
	if names < 2 || !suspect {
		return some, nil
	}
	if m.x.DryRun {
		return some, m.infer(ctx, d, g, idle)
	}
	if !g.known && g.probe(m.x) != nil || g.apart {
		return some, nil
	}
	return some, m.try(ctx, d, g, idle)
}

func (m *collisions) below(ctx context.Context, d *dir, e *snapshot.Entry, picked bool, g *baseDir) (some bool, err error) {
	sub := &dir{x: m.x, parent: d, entry: e, path: d.join(e.Name), picked: picked}
	if m.x.find(sub); sub.exists {
		g = &baseDir{dir: sub}
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

// try finds out which names of a directory are the same. Names that are not odd can
// collide with others of the same key, or with odd ones.
func (m *collisions) try(ctx context.Context, d *dir, g *baseDir, idle map[string]bool) error {
	names, err := m.names(ctx, d, idle)
	if err != nil {
		return err
	}
	keys, odd := map[string]int{}, g.wild
	for _, name := range names {
		keys[plainKey(name)]++
		odd = odd || isOdd(name)
	}
	// If names can't be tried, nothing can be restored, and the restore reports that.
	_ = g.scratch(m.x, func(s *disk.Scratch) error {
		var rest []string
		for _, name := range names {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if !g.wild && !isOdd(name) && keys[plainKey(name)] < 2 {
				rest = append(rest, name)
			} else if other, err := s.Add(name); err == nil && other != "" { // otherwise the restore reports why it can't be created
				m.collide(d, other, name)
			}
		}
		for _, name := range rest {
			if !odd || ctx.Err() != nil {
				break
			}
			if other := s.Find(name); other != "" {
				m.collide(d, other, name)
			}
		}
		return nil
	})
	return ctx.Err()
}

// collide records that two names of a directory are the same in the destination.
func (m *collisions) collide(d *dir, first, name string) {
	m.x.colliding[d.join(first)], m.x.colliding[d.join(name)] = true, true
	spelled := ""
	if foldCase(first) != foldCase(name) { // they may look the same
		spelled = fmt.Sprintf(" (%+q and %+q)", first, name)
	}
	m.x.problem(d.join(name), fmt.Errorf("not restored, nor is %q: the destination doesn't tell their names apart%s; restore each to a directory of its own", d.join(first), spelled))
}
