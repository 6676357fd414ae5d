package ignore

import (
	"errors"
	"slices"
	"strings"
)

// A Record is a pattern of a Set in the form that a snapshot stores: where it was
// written, and its text, relative to the root of the tree. The text is taken literally,
// with its spaces and a # at its beginning.
type Record struct{ Source, Text string }

// Records returns the patterns of s, of which the last one that matches decides. Recorded
// turns them into a set with the same decisions.
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

// Recorded returns the set that Records describe. An error names the first invalid
// pattern; output of Records is always valid.
func Recorded(list []Record) (*Set, error) {
	rules := make([]Rule, 0, len(list))
	for _, r := range list {
		p, err := compile(r.Text)
		if err != nil {
			return nil, errors.New((&PatternError{r.Source, r.Text, err}).Error()) // without its type, because nobody has just entered it
		}
		rules = append(rules, Rule{text: r.Text, source: r.Source, pattern: p})
	}
	var none *Set
	return none.With("", rules), nil
}

// rebase returns the patterns that mean, from the root of the tree, what text means in
// directory dir.
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

// splitPattern separates the negation and the restriction to directories from a pattern.
func splitPattern(text string) (negation, body, slash string) {
	if rest, ok := strings.CutPrefix(text, "!"); ok {
		negation, text = "!", rest
	}
	if rest, ok := strings.CutSuffix(text, "/"); ok {
		return negation, rest, "/"
	}
	return negation, text, ""
}

// plainStars returns patterns that together match the same as an anchored one, and don't
// depend on where its literal prefix ends: asterisks after the prefix cross slashes even
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

// oneStar reduces the first asterisks in a body to one if they are a part of a name. In
// the middle of a pattern that is their meaning.
func oneStar(body string) string {
	begin := strings.IndexAny(body, special)
	if begin <= 0 || body[begin-1] == '/' || body[begin] != '*' {
		return body
	}
	return body[:begin] + "*" + strings.TrimLeft(body[begin:], "*")
}

// afterDirs removes from the text after a **, which begins with a slash, each further /**
// that adds nothing.
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

// escape returns a pattern that matches only this path.
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
