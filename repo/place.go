package repo

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/qsnap/qsnap/internal/extract"
	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/snapshot"
)

// placeOf returns where the tree of a snapshot of those paths lies in the file system.
// Links follows symbolic links; nil follows none.
func placeOf(layout snapshot.Layout, paths []string, links func(string) string) *ignore.Place {
	p := &ignore.Place{Links: links}
	if home, err := os.UserHomeDir(); err == nil && filepath.IsAbs(home) {
		p.Home = filepath.ToSlash(home)
	}
	for _, name := range paths {
		root := ignore.Root{}
		name = filepath.ToSlash(name)
		switch layout {
		case snapshot.Single:
			name = path.Dir(name)
		case snapshot.Paths:
			root.At = strings.Trim(name, "/")
		}
		root.Paths = []string{name}
		if links != nil {
			if real := links(name); real != name {
				root.Paths = append(root.Paths, real)
			}
		}
		p.Roots = append(p.Roots, root)
	}
	return p
}

// namedIn returns where in the tree what was named lies, unless that is the tree.
func namedIn(layout snapshot.Layout, paths []string) (out []string) {
	for _, name := range paths {
		name = strings.Trim(filepath.ToSlash(name), "/")
		switch layout {
		case snapshot.Single:
			out = append(out, path.Base(name))
		case snapshot.Paths:
			out = append(out, name)
		}
	}
	return out
}

// A reader of a snapshot's files can give patterns with whole paths, too: those of the
// source, and with links that this machine has. Of a part of the snapshot, they are
// relative to the part.
func placeIn(m *snapshot.Manifest, part string) *ignore.Place {
	links := newLinks(m.Paths)
	p := placeOf(m.Layout, m.Paths, links.follow)
	p.Ways, p.Whole = true, "/*"
	part = strings.Trim(path.Clean("/"+part), "/")
	if part == "" {
		return p
	}
	p.Roots = slices.DeleteFunc(p.Roots, func(r ignore.Root) bool {
		return r.At != "" && !inPart(r.At, part) && !inPart(part, r.At)
	})
	for i := range p.Roots {
		r := &p.Roots[i]
		if r.At != part && inPart(r.At, part) {
			r.At = r.At[len(part)+1:]
			continue
		}
		into := strings.TrimPrefix(part[len(r.At):], "/")
		for j := range r.Paths {
			r.Paths[j] = path.Join(r.Paths[j], into)
		}
		r.At = ""
	}
	if len(p.Roots) == 0 { // a directory that no path leads to
		p.Roots = []ignore.Root{{}}
	}
	return p
}

// PathIn returns the path in a snapshot of what has an absolute path in its source.
func PathIn(m *snapshot.Manifest, absolute string) (path string, ok bool) {
	absolute = filepath.ToSlash(filepath.Clean(absolute))
	for _, r := range placeOf(m.Layout, m.Paths, nil).Roots {
		top := strings.TrimSuffix(r.Paths[0], "/")
		if inPart(absolute, top) {
			return strings.Trim(r.At+absolute[len(top):], "/"), true
		}
	}
	return "", false
}

// inPart reports whether a path is that of a directory, or of something in it.
func inPart(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

// parseFlags reads patterns that a person gave.
func parseFlags(list []string, source string) ([]Rule, error) {
	var rules []Rule
	for _, text := range list {
		rule, err := ignore.Parse(text, source)
		if err != nil {
			return nil, err
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

// patternsIn returns the set of patterns for a part of a snapshot, or nil for none.
func patternsIn(m *snapshot.Manifest, part string, list []string, source string) (*ignore.Set, error) {
	rules, err := parseFlags(list, source)
	if err != nil || rules == nil {
		return nil, err
	}
	set, _, err := placeIn(m, part).Set(rules)
	return set, err
}

// pickedBy sets the patterns of a restore.
func pickedBy(x *extract.Options, m *snapshot.Manifest, o *RestoreOptions) (err error) {
	part := o.Path
	if x.Bare {
		part = path.Dir(path.Clean("/" + part))
	}
	if x.Include, err = patternsIn(m, part, o.Include, "--include"); err != nil {
		return err
	}
	x.Exclude, err = patternsIn(m, part, o.Exclude, "--exclude")
	return err
}

// placeFor returns where the tree of a source lies.
func (s *Source) placeFor(paths []string, layout snapshot.Layout) *ignore.Place {
	var links func(string) string
	if s.onDisk {
		links = newLinks(paths).follow
	}
	place := placeOf(layout, paths, links)
	place.Named = namedIn(layout, paths)
	return place
}

// rules returns what a snapshot leaves out as one set, and what is worth a word about it.
func (o *SnapshotOptions) rules(place *ignore.Place, paths []string) (*ignore.Set, []error, error) {
	flags, err := parseFlags(o.Excludes, "--exclude")
	if err != nil || len(flags)+len(o.ExcludeRules) == 0 {
		return nil, nil, err
	}
	set, kept, err := place.Set(slices.Concat(o.ExcludeRules, flags))
	if err != nil {
		return nil, nil, err
	}
	return set, keptNotices(kept, place.Named, paths), nil
}

// keptNotices says which of the paths, that are named so in the tree, are taken although
// patterns match them.
func keptNotices(kept []ignore.Kept, named, paths []string) (out []error) {
	const enough = 5
	for i, k := range kept {
		if i == enough {
			return append(out, fmt.Errorf("and %d more named paths are taken although patterns match them", len(kept)-enough))
		}
		out = append(out, fmt.Errorf("%s was named, so it is taken although %s %q matches it: to leave it out, exclude its whole path", paths[slices.Index(named, k.Path)], k.Rule.Source(), k.Rule))
	}
	return out
}

// maxMisplaced bounds the notices of misplaced patterns.
const maxMisplaced = 20

// misplaced returns a function that gives notice of patterns in ignore files of the tree
// that match nothing there, since they are whole paths.
func misplaced(place *ignore.Place, notice func(path string, notice error)) func(dir string, names []string, rules []Rule) {
	var told atomic.Int64
	return func(dir string, names []string, rules []Rule) {
		for i := range rules {
			r := &rules[i]
			write, bad := place.Misplaced(r, dir, names)
			if !bad || told.Add(1) > maxMisplaced {
				continue
			}
			if write != "" {
				write = "; write " + write
			}
			notice(dir, fmt.Errorf("%s: %q matches nothing here: patterns in this file are relative to its directory%s", r.Source(), r, write))
		}
	}
}

// unmatched returns how patterns were written that have met nothing.
func unmatched(set *ignore.Set) (out []string) {
	for _, r := range set.Unmatched() {
		out = append(out, fmt.Sprintf("%s %q", r.Source, r.Text))
	}
	return out
}

// unmatchedIn returns which patterns of a restore have met nothing, and an error if some
// of these were to pick something.
func unmatchedIn(x *extract.Options, err error) ([]string, error) {
	includes := slices.DeleteFunc(x.Include.Unmatched(), func(r ignore.Record) bool { return strings.HasPrefix(r.Text, "!") })
	incomplete, is := errors.AsType[*IncompleteError](err)
	if err == nil {
		incomplete, is = &IncompleteError{Done: "restored"}, true
	}
	if len(includes) > 0 && is {
		for _, r := range includes {
			incomplete.Unmatched = append(incomplete.Unmatched, fmt.Sprintf("%s %q", r.Source, r.Text))
		}
		err = incomplete
	}
	return slices.Concat(unmatched(x.Include), unmatched(x.Exclude)), err
}
