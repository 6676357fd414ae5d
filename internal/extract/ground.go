package extract

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// A ground is a directory that is there. How it tells names apart, what is made in it does,
// too.
type ground struct {
	dir   *dir
	out   *disk.Out // it, or nil if it is to be opened
	known bool
	apart bool // it tells all names apart
	wild  bool // nothing is sure: it takes even such names for one as have nothing in common

	caseSeen, caseKnown, caseFolds bool // see caseRule
}

func (g *ground) use(x *extraction, f func(*disk.Out) error) error {
	if g.out != nil {
		return f(g.out)
	}
	return x.dirs.use(g.dir, f)
}

// tellsAll reports whether it is known that the ground tells all names apart. Nothing is
// written.
func (g *ground) tellsAll(x *extraction) bool {
	if !g.known {
		_ = g.use(x, func(out *disk.Out) error {
			g.apart = out.NameRules() == disk.AllDistinct
			g.known = g.apart
			return nil
		})
	}
	return g.known && g.apart
}

// twins are pairs of names that are one where case is not told, letters are composed, dots
// or spaces at the end are dropped, what is foreign is replaced, or long names are cut.
var twins = [...]struct {
	a, b string
	wild bool
}{
	{a: "a", b: "A"}, {a: "\u00e9", b: "e\u0301"}, {a: "b", b: "b."}, {a: "c", b: "c "},
	{a: "\u4e2d", b: "\u6587", wild: true}, {a: strings.Repeat("n", 254) + "1", b: strings.Repeat("n", 254) + "2", wild: true},
}

// tryTwins finds out whether the ground tells names apart, by making some.
func (g *ground) tryTwins(x *extraction) error {
	return g.scratch(x, func(s *disk.Scratch) error {
		g.known, g.apart = true, true
		for _, t := range twins {
			if _, err := s.Add(t.a); err == nil && s.Find(t.b) != "" {
				g.apart = false
				g.wild = g.wild || t.wild
			}
		}
		return nil
	})
}

// scratch calls f with a directory for trying names. The ground is as before afterwards.
func (g *ground) scratch(x *extraction, f func(*disk.Scratch) error) error {
	return x.dirs.use(g.dir, func(out *disk.Out) error {
		var own snapshot.Entry
		if _, err := out.Self(&own); err != nil {
			return err
		}
		closed, err := x.reopen(out, g.dir)
		if err != nil {
			return err
		}
		defer closed(false)
		defer func() { _ = out.SetTime(own.MTime) }() // which another's directory may refuse
		s, err := out.Scratch()
		if err != nil {
			return err
		}
		err = f(s)
		if left := s.Close(); left != nil {
			x.problem(g.dir.path, left)
		}
		return err
	})
}

// isPlain reports whether a name can be one only with names of the same plainKey, and with
// odd ones, wherever that is.
func isPlain(name string) bool {
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			return false
		}
	}
	return len(name) <= 100
}

// isOdd reports whether a name may be one with another for other reasons than case in
// ASCII, or dots and spaces at its end, on a ground that isn't wild.
func isOdd(name string) bool {
	for _, r := range name {
		if r >= utf8.RuneSelf && !unicode.Is(unicode.Unified_Ideograph, r) {
			return true // among them what is no UTF-8
		}
	}
	return false
}

// plainKey returns the same for two names that are not odd if they may be one.
func plainKey(name string) string { return strings.ToLower(strings.TrimRight(name, ". ")) }
