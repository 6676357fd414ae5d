package profile

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/qsnap/qsnap/repo/connect"
)

// A Setting is a key of a profile, such as retention.keep-last, and its value as YAML. A
// value that begins with none of [ { and a quotation mark is a text as it is. An empty one
// takes back what is inherited.
type Setting struct {
	Key, Value string
	// Dir is the directory of relative names of files and directories. If it is empty, they
	// are written as they are, and so belong to the directory of the file.
	Dir string
}

// node returns the value of a setting.
func (s Setting) node() (*yaml.Node, error) {
	for part := range strings.SplitSeq(s.Key, ".") {
		if part == "" {
			return nil, fmt.Errorf("%q is no key: write one such as retention.keep-last", s.Key)
		}
	}
	if len(s.Value) > mostBytes {
		return nil, fmt.Errorf("%s: the value is too long", s.Key)
	}
	if s.Value == "" || strings.Trim(s.Value[:1], "[{'\"|>&!") != "" { // it is no list, mapping or text in quotes
		n := &yaml.Node{Kind: yaml.ScalarNode, Value: s.Value}
		s.absolute(n)
		return n, nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(s.Value), &doc); err != nil {
		return nil, fmt.Errorf("%s: the value is not YAML: close what [ or { or a quotation mark opens, and put quotes around what begins with *", s.Key)
	}
	s.absolute(doc.Content[0])
	return doc.Content[0], nil
}

// fieldAt returns the fields of the mapping that a key of a profile is in, and which of them it
// is.
func fieldAt(path []string) (all []field, f field, found bool) {
	t := reflect.TypeFor[Profile]()
	for _, key := range path {
		if t.Kind() != reflect.Struct || isText(t) {
			return nil, field{}, false
		}
		all = fieldsOf(t)
		if f, found = fieldNamed(all, key); !found {
			return nil, field{}, false
		}
		t = f.typ
	}
	return all, f, found
}

// alternatives returns the keys beside a key of a profile that it excludes.
func alternatives(path []string) (out []string) {
	all, f, _ := fieldAt(path)
	for _, other := range all {
		if f.alt != "" && other.alt == f.alt && other.name != f.name {
			out = append(out, other.name)
		}
	}
	return out
}

// absolute makes the names of files and directories absolute that a setting has.
func (s Setting) absolute(n *yaml.Node) {
	_, f, found := fieldAt(strings.Split(s.Key, "."))
	if !found || s.Dir == "" {
		return
	}
	t := f.typ
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	for _, item := range items {
		v := item.Value
		switch {
		case item.Kind != yaml.ScalarNode || v == "" || v[0] == '~' || filepath.IsAbs(v):
		case t == reflect.TypeFor[Path](), t == reflect.TypeFor[Source](), t == reflect.TypeFor[Location]() && connect.Location(v).Directory() == v:
			item.Value = filepath.Join(s.Dir, v)
		}
	}
}
