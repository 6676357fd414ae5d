package extract

import (
	"context"
	"fmt"
	"hash/maphash"
	"strings"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// findMeetings finds, before anything is written, which names of the snapshot are one
// name in the destination, as where that doesn't tell case, or how letters are composed.
// None of these is restored: one would replace the other.
//
// Which names are one is for the destination to say: names that might be are made there,
// in a directory of their own, and looked for.
func (x *extraction) findMeetings(ctx context.Context) error {
	root := &dir{x: x, entry: &x.Root, exists: true, picked: x.Include == nil}
	top := &ground{dir: root}
	if x.DryRun && x.Made && x.RoomAt != "" { // where the destination would be made
		out, err := disk.OpenOut(x.RoomAt, x.session)
		if err != nil {
			return nil // the restore would fail
		}
		defer out.Close()
		top.out = out
	}
	if x.isEmpty(root) { // then all that is made has its rules
		if top.tellsAll(x) || !x.DryRun && (top.tryTwins(x) != nil || top.apart) {
			return nil // where nothing can be made, the restore says so
		}
	}
	x.meets = map[string]bool{}
	m := &meetings{x: x, seed: maphash.MakeSeed()}
	_, err := m.in(ctx, root, top)
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

// meetings is a search for names that are one in the destination.
type meetings struct {
	x    *extraction
	seed maphash.Seed

	unknown *NamesUnknown // in a dry run
}

// in looks at a directory, and all below it. The ground is that directory, or the nearest
// one above it that is there. It reports whether anything there is to be restored.
func (m *meetings) in(ctx context.Context, d *dir, g *ground) (some bool, err error) {
	apart := g.tellsAll(m.x)
	if apart && !d.exists {
		return true, nil // it tells the directory's own name apart, too
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
		return some, m.look(ctx, d, g, idle)
	}
	if !g.known && g.tryTwins(m.x) != nil || g.apart {
		return some, nil
	}
	return some, m.try(ctx, d, g, idle)
}

func (m *meetings) below(ctx context.Context, d *dir, e *snapshot.Entry, picked bool, g *ground) (some bool, err error) {
	sub := &dir{x: m.x, parent: d, entry: e, path: d.join(e.Name), picked: picked}
	if m.x.find(sub); sub.exists {
		g = &ground{dir: sub}
	}
	return m.in(ctx, sub, g)
}

// names returns those of a directory that are to be restored. Idle are directories of which
// nothing is.
func (m *meetings) names(ctx context.Context, d *dir, idle map[string]bool) (names []string, err error) {
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

// try has the ground say which names of a directory are one. Names that are not odd can be
// one with others of the same key, or with odd ones.
func (m *meetings) try(ctx context.Context, d *dir, g *ground, idle map[string]bool) error {
	names, err := m.names(ctx, d, idle)
	if err != nil {
		return err
	}
	keys, odd := map[string]int{}, g.wild
	for _, name := range names {
		keys[plainKey(name)]++
		odd = odd || isOdd(name)
	}
	// Where names can't be tried, nothing can be restored: the restore says so.
	_ = g.scratch(m.x, func(s *disk.Scratch) error {
		var rest []string
		for _, name := range names {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if !g.wild && !isOdd(name) && keys[plainKey(name)] < 2 {
				rest = append(rest, name)
			} else if other, err := s.Add(name); err == nil && other != "" { // else the restore says why it can't be made
				m.met(d, other, name)
			}
		}
		for _, name := range rest {
			if !odd || ctx.Err() != nil {
				break
			}
			if other := s.Find(name); other != "" {
				m.met(d, other, name)
			}
		}
		return nil
	})
	return ctx.Err()
}

// met notes that two names of a directory are one in the destination.
func (m *meetings) met(d *dir, first, name string) {
	m.x.meets[d.join(first)], m.x.meets[d.join(name)] = true, true
	spelled := ""
	if foldCase(first) != foldCase(name) { // they may look the same
		spelled = fmt.Sprintf(" (%+q and %+q)", first, name)
	}
	m.x.problem(d.join(name), fmt.Errorf("not restored, nor is %q: the destination doesn't tell their names apart%s; restore each to a directory of its own", d.join(first), spelled))
}
