package main

import (
	"encoding"
	"reflect"
	"strings"
)

// members describes the JSON object that a struct becomes, without its message_type, as in
// {name, size?, snapshot: {id}, paths: array of strings}.
func members(v any) string {
	return "{" + strings.Join(membersOf(reflect.TypeOf(v), ""), ", ") + "}"
}

// membersOf lists the members of a struct. The mark follows each name: it is a ? if the
// whole struct may be absent.
func membersOf(t reflect.Type, mark string) (list []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || name == "message_type":
			continue
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Pointer:
			list = append(list, membersOf(f.Type.Elem(), "?")...)
			continue
		case f.Anonymous && name == "":
			list = append(list, membersOf(f.Type, mark)...)
			continue
		}
		text := name + mark
		if mark == "" && (strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")) {
			text += "?"
		}
		if kind := kindOf(f.Type); kind != "" {
			text += ": " + kind
		}
		if doc := f.Tag.Get("doc"); doc != "" {
			text += " (" + doc + ")"
		}
		list = append(list, text)
	}
	return list
}

var isText = reflect.TypeFor[encoding.TextMarshaler]()

// kindOf describes a value. It is empty for a text, a number, true and false.
func kindOf(t reflect.Type) string {
	switch {
	case t.Implements(isText):
		return ""
	case t.Kind() == reflect.Pointer:
		return kindOf(t.Elem())
	case t.Kind() == reflect.Struct:
		return "{" + strings.Join(membersOf(t, ""), ", ") + "}"
	case t.Kind() == reflect.Map:
		return "an object with a number for each"
	case t.Kind() != reflect.Slice:
		return ""
	case kindOf(t.Elem()) != "":
		return "array of " + kindOf(t.Elem())
	}
	return "array of strings"
}
