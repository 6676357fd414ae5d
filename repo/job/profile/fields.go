package profile

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A field is one key of a mapping, and what its tags say of it.
type field struct {
	name  string
	index []int // of the field in the struct
	typ   reflect.Type

	doc     string   // what it is
	example string   // a value, as YAML
	preset  string   // the value if none is given, as YAML
	enum    []string // the only values of a text
	alt     string   // keys with the same word exclude each other
	min     *int     // of a number
	max     *int
	// optional: nothing of a mapping has a default unless it is there
	optional bool
}

// known holds the fields of the types that fieldsOf was asked for.
var known sync.Map

// fieldsOf returns the keys of a struct, in their order.
func fieldsOf(t reflect.Type) []field {
	if f, ok := known.Load(t); ok {
		return f.([]field)
	}
	f := readFields(t)
	known.Store(t, f)
	return f
}

func readFields(t reflect.Type) (out []field) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case !f.IsExported() || name == "-":
			continue
		case strings.Contains(options, "inline"):
			for _, inner := range fieldsOf(f.Type) {
				inner.index = append([]int{i}, inner.index...)
				out = append(out, inner)
			}
			continue
		}
		out = append(out, field{
			name: name, index: []int{i}, typ: f.Type,
			doc: f.Tag.Get("doc"), example: f.Tag.Get("eg"), preset: f.Tag.Get("default"), alt: f.Tag.Get("alt"),
			enum: words(f.Tag.Get("enum")), min: number(f.Tag.Get("min")), max: number(f.Tag.Get("max")),
			optional: f.Tag.Get("optional") == "true",
		})
	}
	return out
}

func words(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

func number(s string) *int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return nil
	}
	return &n
}

// fieldNamed returns the field with a name.
func fieldNamed(fields []field, name string) (field, bool) {
	i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
	if i < 0 {
		return field{}, false
	}
	return fields[i], true
}

// A short type is a struct for whose first field a text alone stands, too.
func isShort(t reflect.Type) bool {
	return t == reflect.TypeFor[Source]() || t == reflect.TypeFor[Location]()
}

// keyPaths returns the keys of a type and of all below it that have a name, such as
// retention.keep-last.
func keyPaths(t reflect.Type, name string) (out []string) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || isText(t) {
		return nil
	}
	for _, f := range fieldsOf(t) {
		if f.name == name {
			out = append(out, f.name)
		}
		for _, below := range keyPaths(f.typ, name) {
			out = append(out, f.name+"."+below)
		}
	}
	return out
}
