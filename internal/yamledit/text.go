// Package yamledit edits YAML files by entries.
//
// What must stay true: all lines but those of the edited entry stay as they are, comments and
// empty lines included. An entry's own comments stay with it. What is written in a way that
// can't be edited like this is refused with ErrByHand.
package yamledit

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ErrByHand means that a file is written in a way that can't be edited line by line.
var ErrByHand = errors.New("the file is written in a way that only a person can edit: change it by hand")

// A Text is a file that is edited by lines.
type Text struct {
	lines []string // each with its line break
	root  *yaml.Node
	nl    string // how lines end
}

// Parse reads a file. It must be a mapping, or empty.
func Parse(b []byte) (*Text, error) {
	t := &Text{nl: "\n"}
	if bytes.Contains(b, []byte("\r\n")) {
		t.nl = "\r\n"
	}
	t.lines = slices.Collect(strings.Lines(string(b)))
	if n := len(t.lines); n > 0 && !strings.HasSuffix(t.lines[n-1], "\n") {
		t.lines[n-1] += t.nl
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return nil, err
	}
	t.root = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	if len(doc.Content) > 0 && !isNull(doc.Content[0]) {
		t.root = doc.Content[0]
	}
	if t.root.Kind != yaml.MappingNode {
		return nil, ErrByHand
	}
	return t, nil
}

// Bytes returns the text as it is now.
func (t *Text) Bytes() []byte { return []byte(strings.Join(t.lines, "")) }

// A place is an entry of a mapping that is written line by line, or where a new entry of it
// would be.
type place struct {
	mapping *yaml.Node
	index   int      // of the key in the mapping's content; -1 if it isn't there
	from    int      // index of the entry's first line
	until   int      // index of the line after its last one
	indent  int      // of its key
	rest    []string // the keys below it that aren't entries of lines of their own
}

// isBlock reports whether a mapping is written with a line for each key.
func isBlock(n *yaml.Node) bool {
	return n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle == 0 && n.Anchor == "" && len(n.Content) > 0
}

// find returns the place of a path of keys: that of the last key which has lines of its own.
func (t *Text) find(path []string) (place, error) {
	if len(t.root.Content) > 0 && (!isBlock(t.root) || t.root.Content[0].Column != 1) {
		return place{}, ErrByHand
	}
	at := place{mapping: t.root, index: -1, from: len(t.lines), until: len(t.lines), rest: path}
	n, end := t.root, len(t.lines)
	for i, key := range path {
		if n.Kind == yaml.AliasNode {
			return at, fmt.Errorf("%s is written as an alias: %w", strings.Join(path[:i], "."), ErrByHand)
		}
		if !isBlock(n) && n != t.root {
			return at, nil
		}
		index := 2 * slices.Index(keysOf(n), key) // or below 0
		at = place{mapping: n, index: index, rest: path[i:]}
		if len(n.Content) > 0 {
			at.indent = n.Content[0].Column - 1
		}
		if index < 0 { // a new entry follows the last one
			at.until = t.trimmed(end, at.indent)
			at.from = at.until
			return at, nil
		}
		k, v := n.Content[index], n.Content[index+1]
		if index+2 < len(n.Content) {
			end = n.Content[index+2].Line - 1
		}
		at.from, at.until, at.rest = k.Line-1, t.trimmed(end, at.indent), path[i+1:]
		n = v
	}
	return at, nil
}

// trimmed returns the end of an entry without the comments and empty lines before what
// follows it.
func (t *Text) trimmed(end, indent int) int {
	for end > 0 {
		line := strings.TrimRight(t.lines[end-1], " \t\r\n")
		content := strings.TrimLeft(line, " \t")
		own := strings.HasPrefix(content, "#") && len(line)-len(content) > indent // it may be the end of the entry's text
		if content != "" && !strings.HasPrefix(content, "#") || own {
			return end
		}
		end--
	}
	return end
}

// replace puts other lines in the place of some.
func (t *Text) replace(from, until int, lines string) {
	if t.nl != "\n" {
		lines = strings.ReplaceAll(lines, "\n", t.nl)
	}
	t.lines = slices.Concat(t.lines[:from], slices.Collect(strings.Lines(lines)), t.lines[until:])
}

// entryText returns the lines of an entry.
func entryText(key, value *yaml.Node, indent int) (string, error) {
	head := *key
	head.HeadComment, head.FootComment = "", "" // these lines stay as they are
	b, err := marshal(&yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{&head, value}})
	if err != nil {
		return "", err
	}
	if indent == 0 {
		return string(b), nil
	}
	var out strings.Builder
	for line := range strings.Lines(string(b)) {
		if strings.TrimSpace(line) != "" {
			out.WriteString(strings.Repeat(" ", indent))
		}
		out.WriteString(line)
	}
	return out.String(), nil
}

// Set gives the key at a path a value, and makes the mappings that it lacks.
func (t *Text) Set(path []string, value *yaml.Node) error {
	if err := t.set(path, value); err != nil {
		return err
	}
	return t.again()
}

func (t *Text) set(path []string, value *yaml.Node) error {
	at, err := t.find(path)
	if err != nil {
		return err
	}
	if at.index < 0 { // a new entry
		return t.insert(at, value)
	}
	k, v := at.mapping.Content[at.index], at.mapping.Content[at.index+1]
	if len(at.rest) == 0 {
		value.LineComment = v.LineComment
		v = value
	} else if v, err = With(v, at.rest, value); err != nil {
		return err
	}
	lines, err := entryText(k, v, at.indent)
	if err == nil {
		t.replace(at.from, at.until, lines)
	}
	return err
}

// insert adds an entry, with the mappings that lead to its value.
func (t *Text) insert(at place, value *yaml.Node) error {
	for _, key := range slices.Backward(at.rest[1:]) {
		value = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{scalarNode(key), value}}
	}
	lines, err := entryText(scalarNode(at.rest[0]), value, at.indent)
	if err == nil {
		t.replace(at.from, at.until, lines)
	}
	return err
}

// With returns a value that has another value at a path.
func With(n *yaml.Node, path []string, value *yaml.Node) (*yaml.Node, error) {
	if len(path) == 0 {
		return value, nil
	}
	out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	if !isNull(n) {
		if n.Kind != yaml.MappingNode || n.Anchor != "" {
			return nil, fmt.Errorf("%s: %w", path[0], ErrByHand)
		}
		*out = *n
		out.Content = slices.Clone(n.Content)
		if len(n.Content) == 0 {
			out.Style = 0
		}
	}
	for i := 0; i+1 < len(out.Content); i += 2 {
		if out.Content[i].Value == path[0] {
			inner, err := With(out.Content[i+1], path[1:], value)
			out.Content[i+1] = inner
			return out, err
		}
	}
	inner, err := With(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}, path[1:], value)
	out.Content = append(out.Content, scalarNode(path[0]), inner)
	return out, err
}

// Remove takes the key at a path out, and reports whether it was there.
func (t *Text) Remove(path []string) (bool, error) {
	found, err := t.remove(path)
	if err != nil || !found {
		return false, err
	}
	return true, t.again()
}

// again reads the edited text, so that it can be edited once more.
func (t *Text) again() error {
	next, err := Parse(t.Bytes())
	if err != nil {
		return ErrByHand
	}
	*t = *next
	return nil
}

func (t *Text) remove(path []string) (bool, error) {
	at, err := t.find(path)
	if err != nil || at.index < 0 {
		return false, err
	}
	if len(at.rest) == 0 {
		if len(at.mapping.Content) == 2 && at.mapping != t.root { // the last entry
			return true, t.set(path[:len(path)-1], &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Style: yaml.FlowStyle})
		}
		t.replace(t.comments(at), at.until, "")
		return true, nil
	}
	v, found := without(at.mapping.Content[at.index+1], at.rest)
	if !found {
		return false, nil
	}
	lines, err := entryText(at.mapping.Content[at.index], v, at.indent)
	if err == nil {
		t.replace(at.from, at.until, lines)
	}
	return true, err
}

// comments returns where the comment begins that is right above an entry.
func (t *Text) comments(at place) int {
	from := at.from
	for from > 0 {
		line := strings.TrimRight(t.lines[from-1], " \t\r\n")
		content := strings.TrimLeft(line, " \t")
		if !strings.HasPrefix(content, "#") || len(line)-len(content) != at.indent {
			break
		}
		from--
	}
	return from
}

// without returns a value without the key at a path, and whether it was there.
func without(n *yaml.Node, path []string) (*yaml.Node, bool) {
	if n.Kind != yaml.MappingNode || n.Anchor != "" {
		return n, false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != path[0] {
			continue
		}
		out := *n
		out.Content = slices.Clone(n.Content)
		if len(path) == 1 {
			out.Content = slices.Delete(out.Content, i, i+2)
			return &out, true
		}
		inner, found := without(n.Content[i+1], path[1:])
		out.Content[i+1] = inner
		return &out, found
	}
	return n, false
}

func scalarNode(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}

// isNull reports whether a value is empty.
func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// keysOf returns the keys of a mapping.
func keysOf(n *yaml.Node) (keys []string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		keys = append(keys, n.Content[i].Value)
	}
	return keys
}

// marshal writes a value as YAML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	out := yaml.NewEncoder(&b)
	out.SetIndent(2)
	if err := out.Encode(v); err != nil {
		return nil, err
	}
	err := out.Close()
	return b.Bytes(), err
}
