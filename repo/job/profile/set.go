package profile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Path returns the name of the main file.
func (s *Set) Path() string { return s.path }

// Names returns the names of the profiles in order, without default and including those that
// can't be used.
func (s *Set) Names() []string {
	names := slices.Sorted(maps.Keys(s.profiles))
	return slices.DeleteFunc(names, func(name string) bool { return name == inherited })
}

// Get returns a profile, with what it inherits and with defaults. If something in it can't
// work, the error is a Problems.
func (s *Set) Get(name string) (Profile, error) {
	p, ok := s.profiles[name]
	switch {
	case name == inherited && ok:
		return Profile{}, fmt.Errorf("%s: default is no job: the other profiles inherit from it", s.path)
	case !ok:
		return Profile{}, s.noProfile(name)
	}
	return p, errorsOf(s.wrong[name]).asError()
}

// noProfile says that there is no profile with a name.
func (s *Set) noProfile(name string) error {
	if wrong := errorsOf(s.problems); len(wrong) > 0 && len(s.profiles) == 0 {
		return wrong // it may be in what can't be read
	}
	names := s.Names()
	hint := didYouMean(name, names)
	if hint == "" {
		hint = "; \"qsnap profile list\" lists them"
	}
	return fmt.Errorf("%s: there is no profile %q%s", s.path, name, hint)
}

// Target returns a target.
func (s *Set) Target(name string) (Target, bool) {
	t, ok := s.targets[name]
	return t, ok
}

// ProblemAt returns a problem of a key of a profile, such as limits.io, that others have found.
// It is where the key is written or, if it isn't, the nearest mapping.
func (s *Set) ProblemAt(name, key string, err error) Problem {
	p := Problem{File: s.path, Key: "profiles." + name + "." + key, Text: err.Error()}
	n := s.merged[name]
	if n == nil {
		return p
	}
	for path := strings.Split(key, "."); len(path) > 0; path = path[:len(path)-1] {
		if found := at(n, path...); found.Value == path[len(path)-1] {
			n = found
			break
		}
	}
	if file := s.where[n]; file != "" {
		p.File, p.Line = file, n.Line
	}
	return p
}

// Service returns the settings of qsnapd.
func (s *Set) Service() Service { return s.service }

// Problems returns what can't work, and warnings, in the order of files and lines. Nothing
// but the configuration is looked at.
func (s *Set) Problems() []Problem {
	out := slices.Clone(s.problems)
	slices.SortStableFunc(out, func(a, b Problem) int {
		file := func(p Problem) int {
			return slices.IndexFunc(s.files, func(d *document) bool { return d.name == p.File })
		}
		if c := file(a) - file(b); c != 0 {
			return c
		}
		return a.Line - b.Line
	})
	return out
}
