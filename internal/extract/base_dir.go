package extract

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// A baseDir is an existing directory. New directories below it treat the same names as
// equal as it does.
type baseDir struct {
	dir   *dir
	out   *disk.Out // the open directory, or nil to open it
	known bool
	apart bool // all names are distinct
	wild  bool // anything is possible: even names that have nothing in common are the same

	caseSeen, caseKnown, caseFolds bool // see caseRule
}

func (g *baseDir) use(x *extraction, f func(*disk.Out) error) error {
	if g.out != nil {
		return f(g.out)
	}
	return x.dirs.use(g.dir, f)
}

// allDistinct reports whether it is known that all names are distinct. It writes nothing.
func (g *baseDir) allDistinct(x *extraction) bool {
	if !g.known {
		_ = g.use(x, func(out *disk.Out) error {
			g.apart = out.NameRules() == disk.AllDistinct
			g.known = g.apart
			return nil
		})
	}
	return g.known && g.apart
}

// probePairs are pairs of names that are the same where case is ignored, letters are
// composed, dots or spaces at the end are dropped, foreign characters are replaced, or
// long names are cut.
var probePairs = [...]struct {
	a, b string
	wild bool
}{
	{a: "a", b: "A"}, {a: "\u00e9", b: "e\u0301"}, {a: "b", b: "b."}, {a: "c", b: "c "},
	{a: "\u4e2d", b: "\u6587", wild: true}, {a: strings.Repeat("n", 254) + "1", b: strings.Repeat("n", 254) + "2", wild: true},
}

// probe finds out which names the directory treats as the same, by creating some.
func (g *baseDir) probe(x *extraction) error {
	return g.scratch(x, func(s *disk.Scratch) error {
		g.known, g.apart = true, true
		for _, t := range probePairs {
			if _, err := s.Add(t.a); err == nil && s.Find(t.b) != "" {
				g.apart = false
				g.wild = g.wild || t.wild
			}
		}
		return nil
	})
}

// scratch calls f with a directory for trying names. Afterwards the directory is as
// before.
func (g *baseDir) scratch(x *extraction, f func(*disk.Scratch) error) error {
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
		defer func() { _ = out.SetTime(own.MTime) }() // fails on another user's directory
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

// isPlain reports whether a name can be the same only as names with the same plainKey and
// as odd names, on any file system.
func isPlain(name string) bool {
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			return false
		}
	}
	return len(name) <= 100
}

// isOdd reports whether a name may be the same as another for other reasons than ASCII
// case or dots and spaces at its end, in a directory that isn't wild.
func isOdd(name string) bool {
	for _, r := range name {
		if r >= utf8.RuneSelf && !unicode.Is(unicode.Unified_Ideograph, r) {
			return true // including invalid UTF-8
		}
	}
	return false
}

// plainKey returns the same key for two names that are not odd if they may be the same.
func plainKey(name string) string { return strings.ToLower(strings.TrimRight(name, ". ")) }
