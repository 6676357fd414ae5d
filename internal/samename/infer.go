package samename

import (
	"errors"
	"io/fs"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/qsnap/qsnap/internal/disk"
)

// Infer is what a dry run does instead of Try. It infers which names are the same from the
// type of the file system, from existing names that are found under another spelling, and
// from whether any existing name is found in other case. It calls same for those, and
// unknown for names about which nothing can be inferred. The names belong to the directory
// itself or, if that doesn't exist, to one that would be created below it.
func (d *Dir) Infer(names []string, exists bool, same, unknown func(first, name string)) {
	decided := map[string]bool{} // names that exist, in this spelling or another
	if exists {
		_ = d.use(func(out *disk.Out) error { return spelled(out, names, decided, same) })
	}
	folds, known := d.caseRule()
	byCase, byLetter := map[string]string{}, map[string]string{}
	for _, name := range names {
		first, collide := byCase[FoldCase(name)]
		switch {
		case !collide:
			byCase[FoldCase(name)] = name
		case decided[first] && decided[name]:
		case folds:
			same(first, name)
		case !known:
			unknown(first, name)
		}
	}
	for _, name := range names {
		if utf8.ValidString(name) && hasMark(name) {
			byLetter[withoutLetters(name)] = name
		}
	}
	for _, name := range names {
		first := byLetter[withoutLetters(name)]
		if first != "" && first != name && FoldCase(first) != FoldCase(name) && !(decided[first] && decided[name]) {
			unknown(first, name)
		}
	}
}

// spelled decides about existing names: a listed name is a name of its own. A name that
// isn't listed but found is another spelling of a listed one.
func spelled(out *disk.Out, names []string, decided map[string]bool, same func(first, name string)) error {
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
				same(first, name)
				decided[name] = true
			}
		}
	}
	return nil
}

// caseRule reports whether the directory treats names that differ in case as the same, as
// far as that can be found out without writing.
func (d *Dir) caseRule() (folds, known bool) {
	if d.caseSeen {
		return d.caseFolds, d.caseKnown
	}
	d.caseSeen = true
	_ = d.use(func(out *disk.Out) error {
		if out.NameRules() == disk.FoldsCase {
			d.caseFolds, d.caseKnown = true, true
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
			d.caseFolds, d.caseKnown = absent == nil && !listed[other], true
			break
		}
		return err
	})
	return d.caseFolds, d.caseKnown
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
