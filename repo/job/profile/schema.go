package profile

import (
	"encoding/json"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A schema is a part of a JSON Schema.
type schema map[string]any

// Schema returns the JSON Schema of a configuration file, as editors use it. It is made from
// the types of this package. It refuses no file that Load takes, but takes some that Load
// refuses.
func Schema() []byte {
	s := schemaOf(reflect.TypeFor[File](), field{})
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "configuration of qsnap"
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic(err) // the types are those of this package
	}
	return append(text, '\n')
}

// textSchema returns the schema of a text. A number may stand where a text is meant.
func textSchema() schema { return schema{"type": []string{"string", "number"}} }

func schemaOf(t reflect.Type, f field) schema {
	var s schema
	switch {
	case t.Kind() == reflect.Pointer:
		return schemaOf(t.Elem(), f)
	case t == hooksType:
		s = hooksSchema()
	case isText(t):
		s = textSchema()
	case t.Kind() == reflect.Bool:
		s = schema{"type": "boolean"}
	case t.Kind() == reflect.Int:
		s = numberSchema(f)
	case t.Kind() == reflect.String && f.enum != nil:
		s = schema{"enum": f.enum}
	case t.Kind() == reflect.String:
		s = textSchema()
	case t.Kind() == reflect.Slice:
		item := schemaOf(t.Elem(), field{enum: f.enum})
		s = schema{"anyOf": []schema{{"type": "array", "items": item}, item}}
	case t.Kind() == reflect.Map:
		s = schema{"type": "object", "additionalProperties": schemaOf(t.Elem(), field{enum: f.enum})}
	default:
		s = structSchema(t)
	}
	return described(s, f)
}

func numberSchema(f field) schema {
	s := schema{"type": "integer"}
	if f.min != nil {
		s["minimum"] = *f.min
	}
	if f.max != nil {
		s["maximum"] = *f.max
	}
	return s
}

// hooksSchema is that of hooks, which may be written in three ways.
func hooksSchema() schema {
	words := schema{"type": "array", "items": textSchema()}
	hook := structSchema(reflect.TypeFor[Hook]())
	return schema{"anyOf": []schema{words, hook, {"type": "array", "items": schema{"anyOf": []schema{words, hook}}}}}
}

func structSchema(t reflect.Type) schema {
	properties := schema{}
	for _, f := range fieldsOf(t) {
		s := schemaOf(f.typ, f)
		nullable(s)
		properties[f.name] = s
	}
	s := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if isShort(t) {
		return schema{"anyOf": []schema{textSchema(), s}}
	}
	return s
}

// nullable has a schema take an empty value, too.
func nullable(s schema) {
	switch kind := s["type"].(type) {
	case string:
		s["type"] = []string{kind, "null"}
	case []string:
		s["type"] = append(kind[:len(kind):len(kind)], "null")
	}
	if enum, ok := s["enum"].([]string); ok {
		values := []any{nil}
		for _, v := range enum {
			values = append(values, v)
		}
		s["enum"] = values
	}
	if any, ok := s["anyOf"].([]schema); ok {
		s["anyOf"] = append(any[:len(any):len(any)], schema{"type": "null"})
	}
}

// described adds what the tags of a field say.
func described(s schema, f field) schema {
	if f.doc != "" {
		s["description"] = f.doc
	}
	if v, ok := fromYAML(f.preset); ok {
		s["default"] = v
	}
	if v, ok := fromYAML(f.example); ok {
		s["examples"] = []any{v}
	}
	return s
}

// fromYAML returns the value of a tag.
func fromYAML(text string) (v any, ok bool) {
	if strings.TrimSpace(text) == "" {
		return nil, false
	}
	err := yaml.Unmarshal([]byte(text), &v)
	return v, err == nil
}
