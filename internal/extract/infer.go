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

// infer is what a dry run does instead of trying names. It infers which names are the
// same in the destination from the type of its file system, from existing names that are
// found under another spelling, and from whether any existing name is found in other
// case. The dry run reports names about which nothing can be inferred.
func (m *collisions) infer(ctx context.Context, d *dir, g *baseDir, idle map[string]bool) error {
	names, err := m.names(ctx, d, idle)
	if err != nil {
		return err
	}
	decided := map[string]bool{} // names that exist, in this spelling or another
	if d.exists {
		_ = g.use(m.x, func(out *disk.Out) error { return m.spelled(out, d, names, decided) })
	}
	folds, known := g.caseRule(m.x)
	byCase, byLetter := map[string]string{}, map[string]string{}
	for _, name := range names {
		first, collide := byCase[foldCase(name)]
		switch {
		case !collide:
			byCase[foldCase(name)] = name
		case decided[first] && decided[name]:
		case folds:
			m.collide(d, first, name)
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

// spelled decides about existing names: a listed name is a name of its own. A name that
// isn't listed but found is another spelling of a listed one.
func (m *collisions) spelled(out *disk.Out, d *dir, names []string, decided map[string]bool) error {
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
	var seen []listedName
	for _, name := range rest {
		it, err := sight(out, name)
		if err != nil {
			continue // absent
		}
		if seen == nil {
			if seen, err = sightAll(out, there); err != nil {
				return err
			}
		}
		for _, first := range it.among(seen) {
			if decided[first] { // otherwise only the destination has it
				m.collide(d, first, name)
				decided[name] = true
			}
		}
	}
	return nil
}

// caseRule reports whether the directory treats names that differ in case as the same, as
// far as that can be found out without writing.
func (g *baseDir) caseRule(x *extraction) (folds, known bool) {
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

// swapCase returns a name with the case of its ASCII letters swapped.
func swapCase(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
			return r ^ 0x20
		}
		return r
	}, name)
}

// hasMark reports whether a name may have a letter that consists of several runes.
func hasMark(name string) bool {
	return strings.ContainsFunc(name, func(r rune) bool { return unicode.Is(unicode.M, r) || 0x1100 <= r && r <= 0x11ff })
}

// withoutLetters removes everything that may be spelled with one rune or several. The
// result is the same for names that differ only in that.
func withoutLetters(name string) string {
	var out []rune
	for _, r := range name {
		switch {
		case unicode.Is(unicode.M, r) && len(out) > 0 && out[len(out)-1] != 0:
			out[len(out)-1] = 0 // the letter with the mark
		case r < utf8.RuneSelf:
			out = append(out, unicode.ToLower(r))
		case !unicode.Is(unicode.M, r) && (len(out) == 0 || out[len(out)-1] != 0):
			out = append(out, 0)
		}
	}
	return string(out)
}

func (m *collisions) unknownNames(d *dir, first, name string) {
	if m.unknown == nil {
		m.unknown = &NamesUnknown{First: d.join(first), Second: d.join(name)}
		return
	}
	m.unknown.More++
}
