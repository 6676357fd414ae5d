// Package ignore decides which files of a tree to leave out, by the patterns of
// .gitignore files.
//
// # Patterns
//
// A pattern means the same as in git 2.39, as described in gitignore(5):
//
//	name      a file or directory of that name, at any depth
//	name/     a directory of that name, at any depth
//	/name     only in the directory of the ignore file
//	a/b       the same: a slash that is not at the end anchors a pattern
//	*  ?      any bytes, or one byte, except slashes
//	[a-z]     one of these bytes; [!a-z] or [^a-z] another, [[:digit:]] a class
//	**/a      a at any depth
//	a/**      everything beneath a
//	a/**/b    b at any depth beneath a
//	!name     a file that is not left out, although an earlier pattern leaves it out
//	\x        x without its special meaning: \#name, \!name, \*, and \␣ at the end
//
// The last pattern of a file that matches decides, and of several files the
// deepest in which one matches. Names are bytes, not characters; case matters.
//
// Where git deviates from its manual, so does this package: two or more
// asterisks after a literal beginning cross slashes if a slash or the end
// follows them, so that a/b**/c matches a/bc and a/bx/y/c.
package ignore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A Rule is a pattern, and where it was written.
type Rule struct {
	text   string
	source string
	line   int    // line of the file that source names, from 1; 0 if it is not a file
	use    *usage // usage of a placed rule
	pattern
}

// String returns the pattern as written.
func (r *Rule) String() string {
	if r.use != nil {
		return r.use.text
	}
	return r.text
}

// DirOnly reports whether the pattern applies to directories only.
func (r *Rule) DirOnly() bool { return r.dirOnly }

// Source returns where the pattern was written, such as "src/.gitignore:12" or
// "--exclude".
func (r *Rule) Source() string {
	if r.line == 0 {
		return r.source
	}
	return fmt.Sprintf("%s:%d", r.source, r.line)
}

// Parse parses a pattern from a command line. A pattern that can't match anything is an
// error. Spaces at its end belong to it, because they had to be quoted in the shell, and
// so does a # at its beginning, as with git's own --exclude.
func Parse(text, source string) (Rule, error) {
	p, err := compile(text)
	if err == nil {
		err = doubt(text)
	}
	if err != nil {
		return Rule{}, &PatternError{source, text, err}
	}
	return Rule{text: text, source: source, pattern: p}, nil
}

// A PatternError says which pattern is invalid, and why.
type PatternError struct {
	Source, Text string // where it was given, and the pattern
	Err          error
}

// Error names the pattern, or its beginning.
func (e *PatternError) Error() string {
	const enough = 200
	if len(e.Text) > enough {
		return fmt.Sprintf("%s: pattern %q… of %d bytes: %v", e.Source, e.Text[:enough], len(e.Text), e.Err)
	}
	return fmt.Sprintf("%s: pattern %q: %v", e.Source, e.Text, e.Err)
}

// Unwrap returns the reason.
func (e *PatternError) Unwrap() error { return e.Err }

// doubt returns an error for a pattern that is valid in git but surely not what was
// meant.
func doubt(text string) error {
	body := strings.TrimPrefix(text, "!")
	path := strings.TrimSuffix(strings.TrimPrefix(body, "/"), "/") + "/"
	switch {
	case strings.IndexByte(text, 0) >= 0:
		return errors.New("no name has a zero byte")
	case strings.HasPrefix(path, "/"), strings.HasPrefix(path, "./"), strings.HasPrefix(path, "../"):
		return errors.New("matches nothing: patterns begin with a name, or with / for the root of the tree")
	}
	return nil
}

// ParseFile parses an ignore file. Like git, it is lenient: it ignores blank lines,
// comments and patterns that can't match anything. The error is that of r.
func ParseFile(r io.Reader, source string) ([]Rule, error) {
	content, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	return parseLines(content, source, false), nil
}

// ParseList parses a file of patterns that was named on a command line, like ParseFile. A
// pattern that can't match anything becomes a rule without a match, so that it can be
// reported.
func ParseList(r io.Reader, source string) ([]Rule, error) {
	content, err := io.ReadAll(r)
	if err == nil && (bytes.HasPrefix(content, []byte("\xff\xfe")) || bytes.HasPrefix(content, []byte("\xfe\xff"))) {
		err = errors.New("the text is in UTF-16: save it in UTF-8")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	return parseLines(content, source, true), nil
}

// parseLines parses patterns. If all is set, it returns invalid ones, too.
func parseLines(content []byte, source string, all bool) (rules []Rule) {
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	line := 0
	for text := range strings.SplitSeq(string(content), "\n") {
		line++
		if strings.HasPrefix(text, "#") {
			continue
		}
		text = strings.TrimSuffix(text, "\r")
		text, _, _ = strings.Cut(text, "\x00") // git's strings end at a zero byte
		text = trimSpaces(text)
		if p, err := compile(text); err == nil || all && text != "" {
			rules = append(rules, Rule{text: text, source: source, line: line, pattern: p})
		}
	}
	return rules
}

// trimSpaces removes the spaces at the end that are not escaped.
func trimSpaces(s string) string {
	end := 0 // end of the text without these spaces
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ' ':
			continue
		case '\\':
			i++
		}
		end = i + 1
	}
	return s[:min(end, len(s))]
}
