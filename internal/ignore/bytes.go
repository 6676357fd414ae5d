package ignore

import (
	"errors"
	"fmt"
	"strings"
)

// A byteSet is the set of bytes that a bracket expression matches.
type byteSet [4]uint64

func (s *byteSet) has(b byte) bool { return s[b/64]>>(b%64)&1 != 0 }

// add adds the bytes from first to last, or none if last is below first.
func (s *byteSet) add(first, last byte) {
	for b := int(first); b <= int(last); b++ {
		s[b/64] |= 1 << (b % 64)
	}
}

// classes holds the first and last bytes of the ranges of each class. They are git's own,
// for ASCII only; unlike in C, \v and \f are not space.
var classes = map[string]string{
	"alnum":  "09AZaz",
	"alpha":  "AZaz",
	"blank":  "\t\t  ",
	"cntrl":  "\x00\x1f\x7f\x7f",
	"digit":  "09",
	"graph":  "!~",
	"lower":  "az",
	"print":  " ~",
	"punct":  "!/:@[`{~",
	"space":  "\t\n\r\r  ",
	"upper":  "AZ",
	"xdigit": "09AFaf",
}

func (s *byteSet) addClass(name string) error {
	ranges, ok := classes[name]
	if !ok {
		return fmt.Errorf("unknown class [:%s:]", name)
	}
	for ; ranges != ""; ranges = ranges[2:] {
		s.add(ranges[0], ranges[1])
	}
	return nil
}

var errUnclosed = errors.New("a [ without its ]")

// parseSet parses a bracket expression after its [, and returns the text after its ]. A
// slash is never in the set.
func parseSet(text string) (set *byteSet, rest string, err error) {
	set = new(byteSet)
	negated := text != "" && (text[0] == '!' || text[0] == '^')
	if negated {
		text = text[1:]
	}
	from := -1          // the byte that a range may begin with
	closed := len(text) // number of bytes after the next ], once known
	for first := true; first || text == "" || text[0] != ']'; first = false {
		if from >= 0 && len(text) > 1 && text[0] == '-' && text[1] != ']' {
			var to byte
			if to, text, err = setMember(text[1:]); err != nil {
				return nil, "", err
			}
			set.add(byte(from), to)
			from = -1
			continue
		}
		if strings.HasPrefix(text, "[:") {
			if closed >= len(text) {
				closed = len(text) - strings.IndexByte(text, ']') - 1
			}
			if closed == len(text) {
				return nil, "", errUnclosed
			}
			if class, rest, ok := cutClass(text, closed); ok {
				if err := set.addClass(class); err != nil {
					return nil, "", err
				}
				text, from = rest, -1
				continue
			}
		}
		var b byte
		if b, text, err = setMember(text); err != nil {
			return nil, "", err
		}
		set.add(b, b)
		from = int(b)
	}
	if negated {
		for i := range set {
			set[i] = ^set[i]
		}
	}
	set['/'/64] &^= 1 << ('/' % 64)
	return set, text[1:], nil
}

// setMember parses one byte, which may be escaped.
func setMember(text string) (b byte, rest string, err error) {
	text = strings.TrimPrefix(text, `\`)
	if text == "" {
		return 0, "", errUnclosed
	}
	return text[0], text[1:], nil
}

// cutClass parses [:name:] from a text that begins with [: and whose next ] is followed
// by after bytes. Without the last colon, the [ is an ordinary byte.
func cutClass(text string, after int) (name, rest string, ok bool) {
	end := len(text) - after
	name, ok = strings.CutSuffix(text[len("[:"):end-1], ":")
	return name, text[end:], ok
}
