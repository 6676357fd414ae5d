package ignore

import (
	"errors"
	"slices"
	"strings"
)

// A Record is a pattern of a Set as a snapshot keeps it: where it was written, and
// its text, relative to the root of the tree. The text is taken as it is, with its
// spaces and a # at its beginning.
type Record struct{ Source, Text string }

// Records returns the patterns of s, of which the last one that matches decides.
// Recorded makes of them a set that decides as s does.
func (s *Set) Records() []Record {
	var sets []*Set
	for ; s != nil; s = s.next {
		sets = append(sets, s)
	}
	var out []Record
	for _, s := range slices.Backward(sets) {
		for i := range s.rules {
			r := &s.rules[i]
			if r.never() {
				continue
			}
			for _, text := range rebase(strings.TrimSuffix(s.dir, "/"), r.text) {
				out = append(out, Record{r.Source(), text})
			}
		}
	}
	return out
}

// Recorded returns the set that Records describe. An error names the first one that
// is no pattern; what was recorded by Records never is.
func Recorded(list []Record) (*Set, error) {
	rules := make([]Rule, 0, len(list))
	for _, r := range list {
		p, err := compile(r.Text)
		if err != nil {
			return nil, errors.New((&PatternError{r.Source, r.Text, err}).Error()) // which nobody has just given
		}
		rules = append(rules, Rule{text: r.Text, source: r.Source, pattern: p})
	}
	var none *Set
	return none.With("", rules), nil
}

// rebase returns the patterns that mean, from the root of the tree, what text means
// in directory dir.
func rebase(dir, text string) []string {
	if dir == "" {
		return []string{text}
	}
	negation, body, slash := splitPattern(text)
	base := negation + "/" + escape(dir) + "/"
	if strings.IndexByte(body, '/') < 0 {
		return []string{base + "**/" + body + slash}
	}
	var out []string
	for _, b := range plainStars(strings.TrimPrefix(body, "/")) {
		out = append(out, base+b+slash)
	}
	return out
}

// splitPattern cuts off what negates a pattern and what restricts it to directories.
func splitPattern(text string) (negation, body, slash string) {
	if rest, ok := strings.CutPrefix(text, "!"); ok {
		negation, text = "!", rest
	}
	if rest, ok := strings.CutSuffix(text, "/"); ok {
		return negation, rest, "/"
	}
	return negation, text, ""
}

// plainStars returns patterns that together match what an anchored one does, and
// don't depend on where its literal beginning ends: asterisks behind it cross slashes
// though they are only a part of a name.
func plainStars(body string) []string {
	begin := strings.IndexAny(body, special)
	if begin <= 0 || body[begin-1] == '/' || !strings.HasPrefix(body[begin:], "**") {
		return []string{body}
	}
	literal, rest := body[:begin], afterDirs(strings.TrimLeft(body[begin:], "*"))
	switch {
	case rest == "":
		return []string{literal + "*", literal + "*/**"}
	case strings.HasPrefix(rest, `\/`):
		return []string{literal + "*/**" + rest[1:]}
	case rest[0] == '/':
		return append(plainStars(literal+oneStar(rest[1:])), literal+"*/**"+rest)
	}
	return []string{body}
}

// oneStar makes one asterisk of the first few in a body if they are a part of a name. In
// the middle of a pattern that is what they mean.
func oneStar(body string) string {
	begin := strings.IndexAny(body, special)
	if begin <= 0 || body[begin-1] == '/' || body[begin] != '*' {
		return body
	}
	return body[:begin] + "*" + strings.TrimLeft(body[begin:], "*")
}

// afterDirs cuts off of what follows a **, and begins with a slash, each further /**
// that adds nothing to it.
func afterDirs(rest string) string {
	for strings.HasPrefix(rest, "/**") {
		next := strings.TrimLeft(rest[1:], "*")
		if next != "" && next[0] != '/' {
			break
		}
		rest = next
	}
	return rest
}

// escape returns a path as a pattern that matches it alone.
func escape(path string) string {
	if !strings.ContainsAny(path, special) {
		return path
	}
	var b strings.Builder
	for i := range len(path) {
		if strings.IndexByte(special, path[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(path[i])
	}
	return b.String()
}
