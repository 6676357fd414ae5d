package profile

import (
	"encoding"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

const (
	// mostDepth is how deep mappings and lists may lie in each other.
	mostDepth = 24
	// mostNodes is how many values of a configuration are read at most. Aliases repeat what
	// they name, and a few of them can stand for billions of values; so does what is
	// inherited.
	mostNodes = 500_000
	// mostProblems is how many problems of a profile are listed.
	mostProblems = 50
)

// A decoder reads the nodes of a configuration. Problems are collected.
type decoder struct {
	file     func(*yaml.Node) string // where a node is
	home     string                  // what ~ stands for; empty if nobody knows
	presets  bool                    // what isn't set is as its default says
	problems []Problem
	nodes    *int // that all decoders of a configuration have read
	depth    int
}

// full reports whether so many problems were found that no more are listed.
func (d *decoder) full() bool { return len(d.problems) >= mostProblems }

// fail adds a problem.
func (d *decoder) fail(n *yaml.Node, key, format string, args ...any) {
	if d.full() {
		return
	}
	d.problems = append(d.problems, Problem{File: d.file(n), Line: n.Line, Key: key, Text: fmt.Sprintf(format, args...)})
}

// warn adds a warning.
func (d *decoder) warn(n *yaml.Node, key, format string, args ...any) {
	d.problems = append(d.problems, Problem{File: d.file(n), Line: n.Line, Key: key, Text: fmt.Sprintf(format, args...), Warning: true})
}

var hooksType = reflect.TypeFor[[]Hook]()

func isText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// value reads a node into a value. Key names it in problems, and f says what is expected.
func (d *decoder) value(n *yaml.Node, v reflect.Value, key string, f field) {
	*d.nodes++
	d.depth++
	defer func() { d.depth-- }()
	if *d.nodes > mostNodes || d.depth > mostDepth {
		d.fail(n, key, "this is too much, or too deep: write it out without aliases (*name)")
		return
	}
	if n.Kind == yaml.AliasNode {
		d.value(n.Alias, v, key, f)
		return
	}
	if isNull(n) {
		return
	}
	switch t := v.Type(); {
	case t == hooksType:
		d.hooks(n, v.Addr().Interface().(*[]Hook), key)
	case t.Kind() == reflect.Pointer:
		p := reflect.New(t.Elem())
		d.value(n, p.Elem(), key, f)
		v.Set(p)
	case isText(t), t.Kind() == reflect.String, t.Kind() == reflect.Bool, t.Kind() == reflect.Int:
		d.scalar(n, v, key, f)
	case t.Kind() == reflect.Struct:
		d.structure(n, v, key, f)
	case t.Kind() == reflect.Slice:
		d.list(n, v, key, f)
	case t.Kind() == reflect.Map:
		d.dictionary(n, v, key, f)
	}
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// want says what is expected instead of what is there.
func (d *decoder) want(n *yaml.Node, key, what string, f field) {
	if f.example != "" {
		what += ", such as " + f.example
	}
	is := map[yaml.Kind]string{yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list"}[n.Kind]
	if n.Kind == yaml.ScalarNode {
		is = shown(n.Value)
	}
	d.fail(n, key, "this is %s: write %s", is, what)
}

// shown returns a value as a problem shows it.
func shown(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return strconv.Quote(s)
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value, key string, f field) {
	kind := v.Kind()
	if n.Kind != yaml.ScalarNode {
		d.want(n, key, map[reflect.Kind]string{reflect.Bool: "true or false", reflect.Int: "a number"}[kind]+
			map[bool]string{true: "a single value"}[kind != reflect.Bool && kind != reflect.Int], f)
		return
	}
	switch u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); {
	case ok:
		if err := u.UnmarshalText([]byte(n.Value)); err != nil {
			d.fail(n, key, "this is %s: %v", shown(n.Value), err)
		}
	case kind == reflect.Bool:
		if n.Value != "true" && n.Value != "false" {
			d.want(n, key, "true or false", field{})
			return
		}
		v.SetBool(n.Value == "true")
	case kind == reflect.Int:
		d.number(n, v, key, f)
	default:
		d.text(n, v, key, f)
	}
}

func (d *decoder) number(n *yaml.Node, v reflect.Value, key string, f field) {
	i, err := strconv.ParseInt(n.Value, 10, 32)
	switch {
	case err != nil:
		d.want(n, key, "a whole number", f)
	case f.min != nil && int(i) < *f.min, f.max != nil && int(i) > *f.max:
		low, high := "no least number", ""
		if f.min != nil {
			low = fmt.Sprintf("at least %d", *f.min)
		}
		if f.max != nil {
			high = fmt.Sprintf(" and at most %d", *f.max)
		}
		d.fail(n, key, "this is %d: write a number of %s%s", i, low, high)
	default:
		v.SetInt(i)
	}
}

func (d *decoder) text(n *yaml.Node, v reflect.Value, key string, f field) {
	s := n.Value
	switch {
	case strings.ContainsRune(s, 0):
		d.fail(n, key, "there is a zero byte in it")
		return
	case v.Type() == reflect.TypeFor[Path]():
		s = d.path(n, key, s)
	case f.enum != nil && !slices.Contains(f.enum, s):
		d.fail(n, key, "this is %s: write %s%s", shown(s), orList(f.enum), didYouMean(s, f.enum))
		return
	case slices.Contains([]string{"host", "tags", "tag", "keep-tag"}, f.name) && strings.ContainsFunc(s, unicode.IsControl):
		d.fail(n, key, "there is a line break or another control character in it")
		return
	}
	v.SetString(s)
}

// path returns the absolute name of a file or directory.
func (d *decoder) path(n *yaml.Node, key, s string) string {
	if s == "" {
		d.fail(n, key, "the name is empty")
		return ""
	}
	if rest, ok := strings.CutPrefix(s, "~/"); ok || s == "~" {
		if d.home == "" {
			d.fail(n, key, "nobody knows what ~ is: set HOME, or write the whole name")
			return ""
		}
		return filepath.Join(d.home, rest)
	}
	if !filepath.IsAbs(s) {
		s = filepath.Join(filepath.Dir(d.file(n)), s)
	}
	return filepath.Clean(s)
}

// list reads a list. A single value stands for a list of one.
func (d *decoder) list(n *yaml.Node, v reflect.Value, key string, f field) {
	items := n.Content
	if n.Kind != yaml.SequenceNode {
		items = []*yaml.Node{n}
	}
	for i, item := range items {
		name := key
		if n.Kind == yaml.SequenceNode {
			name = fmt.Sprintf("%s[%d]", key, i)
		}
		if isNull(item) {
			d.fail(item, name, "this element is empty")
			continue
		}
		element := reflect.New(v.Type().Elem()).Elem()
		inner := f
		inner.example = ""
		d.value(item, element, name, inner)
		v.Set(reflect.Append(v, element))
	}
}

// dictionary reads a mapping whose keys are names.
func (d *decoder) dictionary(n *yaml.Node, v reflect.Value, key string, f field) {
	if n.Kind != yaml.MappingNode {
		d.want(n, key, "a mapping", f)
		return
	}
	d.unique(n, key)
	v.Set(reflect.MakeMap(v.Type()))
	for i := 0; i+1 < len(n.Content); i += 2 {
		element := reflect.New(v.Type().Elem()).Elem()
		inner := f
		inner.example = ""
		d.value(n.Content[i+1], element, key+"."+n.Content[i].Value, inner)
		v.SetMapIndex(reflect.ValueOf(n.Content[i].Value), element)
	}
}

// unique refuses keys that are there twice.
func (d *decoder) unique(n *yaml.Node, key string) {
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if first, twice := lines[k.Value]; twice {
			d.fail(k, dotted(key, k.Value), "this key is in line %d, too: keep one of them", first)
		}
		lines[k.Value] = k.Line
	}
}

func dotted(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

// structure reads a mapping whose keys are the fields of a struct.
func (d *decoder) structure(n *yaml.Node, v reflect.Value, key string, f field) {
	fields := fieldsOf(v.Type())
	if isShort(v.Type()) && n.Kind == yaml.ScalarNode {
		d.value(n, v.FieldByIndex(fields[0].index), key, fields[0])
		return
	}
	if n.Kind != yaml.MappingNode {
		d.want(n, key, "a mapping", f)
		return
	}
	d.unique(n, key)
	alternatives := map[string]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, child := n.Content[i], n.Content[i+1]
		f, known := fieldNamed(fields, k.Value)
		if !known {
			d.unknown(k, dotted(key, k.Value), v.Type())
			continue
		}
		if f.alt != "" && !isNull(child) {
			if other := alternatives[f.alt]; other != "" && other != f.name {
				d.fail(k, dotted(key, k.Value), "%s and %s exclude each other: keep one of them", other, f.name)
			}
			alternatives[f.alt] = f.name
		}
		d.value(child, v.FieldByIndex(f.index), dotted(key, k.Value), f)
	}
	if d.presets {
		d.preset(v, fields)
	}
}

// preset gives the fields that aren't set their defaults.
func (d *decoder) preset(v reflect.Value, fields []field) {
	for _, f := range fields {
		at := v.FieldByIndex(f.index)
		switch {
		case !at.IsZero():
		case f.preset != "":
			d.value(&yaml.Node{Kind: yaml.ScalarNode, Value: f.preset}, at, "default of "+f.name, f)
		case f.optional: // and not asked for
		case f.typ.Kind() == reflect.Struct && !isText(f.typ) && !isShort(f.typ):
			d.preset(at, fieldsOf(f.typ))
		}
	}
}

// hooks reads hooks: a command as a list of words, a hook, or a list of these.
func (d *decoder) hooks(n *yaml.Node, to *[]Hook, key string) {
	f := field{example: "[systemctl, stop, app] or {shell: \"echo done\"}"}
	switch {
	case n.Kind == yaml.ScalarNode:
		d.want(n, key, "a command as a list of words", f)
	case n.Kind == yaml.MappingNode, len(n.Content) > 0 && n.Content[0].Kind == yaml.ScalarNode:
		d.hook(n, to, key)
	default:
		for i, item := range n.Content {
			d.hook(item, to, fmt.Sprintf("%s[%d]", key, i))
		}
	}
}

func (d *decoder) hook(n *yaml.Node, to *[]Hook, key string) {
	var h Hook
	v := reflect.ValueOf(&h).Elem()
	if n.Kind == yaml.SequenceNode {
		d.value(n, v.FieldByName("Command"), key, field{})
		if d.presets {
			d.preset(v, fieldsOf(v.Type()))
		}
	} else {
		d.value(n, v, key, field{})
	}
	if len(h.Command) == 0 && h.Shell == "" {
		d.fail(n, key, "the hook runs nothing: give it command or shell")
	}
	*to = append(*to, h)
}
