package samename

import (
	"context"
	"strings"

	"github.com/qsnap/qsnap/internal/disk"
)

// A Dir is an existing directory. New directories below it treat the same names as equal as
// it does. It is used by one goroutine.
type Dir struct {
	use     func(func(*disk.Out) error) error
	scratch func(func(*disk.Scratch) error) error

	known bool
	apart bool // all names are distinct
	wild  bool // anything is possible: even names that have nothing in common are the same

	caseSeen, caseKnown, caseFolds bool // see caseRule
}

// NewDir returns a directory. use calls a function with the open directory, and scratch
// with a directory in it for trying names, which is removed afterwards.
func NewDir(use func(func(*disk.Out) error) error, scratch func(func(*disk.Scratch) error) error) *Dir {
	return &Dir{use: use, scratch: scratch}
}

// AllDistinct reports whether it is known that all names are distinct. It writes nothing.
func (d *Dir) AllDistinct() bool {
	if !d.known {
		_ = d.use(func(out *disk.Out) error {
			d.apart = out.NameRules() == disk.AllDistinct
			d.known = d.apart
			return nil
		})
	}
	return d.known && d.apart
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

// Probe reports whether all names are distinct. If that isn't known, it finds out by
// creating some names.
func (d *Dir) Probe() (distinct bool, err error) {
	if d.known {
		return d.apart, nil
	}
	err = d.scratch(func(s *disk.Scratch) error {
		d.known, d.apart = true, true
		for _, t := range probePairs {
			if _, err := s.Add(t.a); err == nil && s.Find(t.b) != "" {
				d.apart = false
				d.wild = d.wild || t.wild
			}
		}
		return nil
	})
	return d.apart, err
}

// Try finds out which of these names are the same, and calls same for each that equals an
// earlier one. Names that are not odd can equal others of the same key, or odd ones. A name
// that can't be tried counts as distinct: it can't be created either. Only the context's
// error is returned.
func (d *Dir) Try(ctx context.Context, names []string, same func(first, name string)) error {
	keys, odd := map[string]int{}, d.wild
	for _, name := range names {
		keys[plainKey(name)]++
		odd = odd || isOdd(name)
	}
	_ = d.scratch(func(s *disk.Scratch) error {
		var rest []string
		for _, name := range names {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if !d.wild && !isOdd(name) && keys[plainKey(name)] < 2 {
				rest = append(rest, name)
			} else if other, err := s.Add(name); err == nil && other != "" {
				same(other, name)
			}
		}
		for _, name := range rest {
			if !odd || ctx.Err() != nil {
				break
			}
			if other := s.Find(name); other != "" {
				same(other, name)
			}
		}
		return nil
	})
	return ctx.Err()
}
