package extract

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/qsnap/qsnap/internal/disk"
)

// NamesUnknown says that a dry run, which writes nothing, can't know whether the
// destination tells some names apart.
type NamesUnknown struct {
	First, Second string // paths of two such names
	More          uint64 // how many pairs there are beside these
}

// Error names two of the names.
func (e *NamesUnknown) Error() string {
	more := ""
	if e.More > 0 {
		more = fmt.Sprintf(" (there are %d more such pairs)", e.More)
	}
	return fmt.Sprintf("whether the destination tells %+q and %+q apart can't be known without writing there%s: a restore finds out before it restores anything", e.First, e.Second, more)
}

// look is what a dry run does instead of trying names. Which names are one in the
// destination is known from the kind of its file system, from names that are there and are
// found under another spelling, and from whether any name there is found in other case.
// What is not known from that, the dry run says.
func (m *meetings) look(ctx context.Context, d *dir, g *ground, idle map[string]bool) error {
	names, err := m.names(ctx, d, idle)
	if err != nil {
		return err
	}
	decided := map[string]bool{} // names that are there, under this spelling or another
	if d.exists {
		_ = g.use(m.x, func(out *disk.Out) error { return m.spelled(out, d, names, decided) })
	}
	folds, known := g.caseRule(m.x)
	byCase, byLetter := map[string]string{}, map[string]string{}
	for _, name := range names {
		first, met := byCase[foldCase(name)]
		switch {
		case !met:
			byCase[foldCase(name)] = name
		case decided[first] && decided[name]:
		case folds:
			m.met(d, first, name)
		case !known:
			m.unknownNames(d, first, name)
		}
	}
	for _, name := range names {
		if utf8.ValidString(name) && hasMark(name) {
			byLetter[withoutLetters(name)] = name
		}
	}
	for _, name := range names {
		first := byLetter[withoutLetters(name)]
		if first != "" && first != name && foldCase(first) != foldCase(name) && !(decided[first] && decided[name]) {
			m.unknownNames(d, first, name)
		}
	}
	return nil
}

// spelled decides of names that are there: each that is listed is one of its own, and one
// that isn't listed and is found is another spelling of one that is.
func (m *meetings) spelled(out *disk.Out, d *dir, names []string, decided map[string]bool) error {
	there, err := out.Names()
	if err != nil {
		return err
	}
	listed, rest := map[string]bool{}, []string(nil)
	for _, name := range there {
		listed[name] = true
	}
	for _, name := range names {
		if listed[name] {
			decided[name] = true
		} else {
			rest = append(rest, name)
		}
	}
	var seen []sighting
	for _, name := range rest {
		it, err := sight(out, name)
		if err != nil {
			continue // it isn't there
		}
		if seen == nil {
			if seen, err = sightAll(out, there); err != nil {
				return err
			}
		}
		for _, first := range it.among(seen) {
			if decided[first] { // else only the destination has it
				m.met(d, first, name)
				decided[name] = true
			}
		}
	}
	return nil
}

// caseRule reports whether the ground takes names that differ in case for one, as far as
// that can be known without writing.
func (g *ground) caseRule(x *extraction) (folds, known bool) {
	if g.caseSeen {
		return g.caseFolds, g.caseKnown
	}
	g.caseSeen = true
	_ = g.use(x, func(out *disk.Out) error {
		if out.NameRules() == disk.FoldsCase {
			g.caseFolds, g.caseKnown = true, true
			return nil
		}
		names, err := out.Names()
		listed := map[string]bool{}
		for _, name := range names {
			listed[name] = true
		}
		for _, name := range names {
			other := swapCase(name)
			if other == name {
				continue
			}
			_, absent := out.Identify(other)
			if absent != nil && !errors.Is(absent, fs.ErrNotExist) {
				continue
			}
			g.caseFolds, g.caseKnown = absent == nil && !listed[other], true
			break
		}
		return err
	})
	return g.caseFolds, g.caseKnown
}

// swapCase returns a name with the other case of its ASCII letters.
func swapCase(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
			return r ^ 0x20
		}
		return r
	}, name)
}

// hasMark reports whether a name may have a letter that is composed of several runes.
func hasMark(name string) bool {
	return strings.ContainsFunc(name, func(r rune) bool { return unicode.Is(unicode.M, r) || 0x1100 <= r && r <= 0x11ff })
}

// withoutLetters drops all that may be spelled in one rune or in several. What is left is
// the same for names that differ in that only.
func withoutLetters(name string) string {
	var out []rune
	for _, r := range name {
		switch {
		case unicode.Is(unicode.M, r) && len(out) > 0 && out[len(out)-1] != 0:
			out[len(out)-1] = 0 // the letter that has the mark
		case r < utf8.RuneSelf:
			out = append(out, unicode.ToLower(r))
		case !unicode.Is(unicode.M, r) && (len(out) == 0 || out[len(out)-1] != 0):
			out = append(out, 0)
		}
	}
	return string(out)
}

func (m *meetings) unknownNames(d *dir, first, name string) {
	if m.unknown == nil {
		m.unknown = &NamesUnknown{First: d.join(first), Second: d.join(name)}
		return
	}
	m.unknown.More++
}
