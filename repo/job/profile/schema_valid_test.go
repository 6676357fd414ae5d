package profile_test

import (
	"fmt"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/qsnap/qsnap/repo/job/profile"
)

// valid returns why a value is not as a schema says, or nil. It knows the words that Schema
// uses, and refuses others.
func valid(s object, v any, at string) error {
	for word := range s {
		if !slices.Contains([]string{"type", "enum", "anyOf", "properties", "additionalProperties", "items", "minimum", "maximum", "description", "default", "examples", "$schema", "title"}, word) {
			return fmt.Errorf("%s: the schema has %q", at, word)
		}
	}
	if all, ok := s["anyOf"].([]any); ok {
		if !slices.ContainsFunc(all, func(one any) bool { return valid(one.(object), v, at) == nil }) {
			return fmt.Errorf("%s: %v is none of the alternatives", at, v)
		}
	}
	if enum, ok := s["enum"].([]any); ok && !slices.Contains(enum, v) {
		return fmt.Errorf("%s: %v is not in the list", at, v)
	}
	if types := s["type"]; types != nil && !isOf(types, v) {
		return fmt.Errorf("%s: %v is no %v", at, v, types)
	}
	if n, ok := v.(int); ok {
		if least, ok := s["minimum"].(float64); ok && float64(n) < least {
			return fmt.Errorf("%s: %d is too low", at, n)
		}
		if most, ok := s["maximum"].(float64); ok && float64(n) > most {
			return fmt.Errorf("%s: %d is too high", at, n)
		}
	}
	return within(s, v, at)
}

// within validates what is in a value.
func within(s object, v any, at string) error {
	if list, ok := v.([]any); ok && s["items"] != nil {
		for i, item := range list {
			if err := valid(s["items"].(object), item, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	}
	mapping, ok := v.(object)
	if !ok || s["type"] == nil {
		return nil
	}
	properties, _ := s["properties"].(object)
	for key, inner := range mapping {
		of, known := properties[key].(object)
		if !known {
			if of, known = s["additionalProperties"].(object); !known {
				return fmt.Errorf("%s: there is no key %s", at, key)
			}
		}
		if err := valid(of, inner, at+"."+key); err != nil {
			return err
		}
	}
	return nil
}

// isOf reports whether a value is of one of the types.
func isOf(types, v any) bool {
	list, several := types.([]any)
	if !several {
		list = []any{types}
	}
	kind := "object"
	switch v.(type) {
	case nil:
		kind = "null"
	case bool:
		kind = "boolean"
	case string:
		kind = "string"
	case int:
		return slices.Contains(list, any("integer")) || slices.Contains(list, any("number"))
	case float64:
		kind = "number"
	case []any:
		kind = "array"
	}
	return slices.Contains(list, any(kind))
}

func TestTheSchemaTakesWhatLoadTakes(t *testing.T) {
	s := schema(t)
	for name, text := range map[string]string{"the example": profile.Example(), "the smallest": smallest, "one written by hand": handWritten} {
		var v any
		if err := yaml.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if err := valid(s, v, ""); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{
		"profiles: {a: {repoo: /x}}", "profiles: {a: {limits: {mode: on}}}", "profiles: {a: {priority: 10}}", "profiles: {a: {paused: maybe}}",
		"profiles: {a: {hooks: {before: {run: x}}}}", "targets: {a: {type: floppy}}", "profile: {}", "profiles: {a: {sources: [{path: /x, empty: true}]}}",
		"profiles: {a: {retention: 72}}", "profiles: {a: {retention: {keep-last: -2}}}", "profiles: {a: {password: x}}",
	} {
		var v any
		if err := yaml.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if valid(s, v, "") == nil {
			t.Errorf("the schema takes %s", text)
		}
		if len(loaded(t, text).Problems()) == 0 {
			t.Errorf("Load takes %s", text)
		}
	}
}

func TestTheExamplesAndDefaultsOfTheSchemaAreValid(t *testing.T) {
	found := 0
	var look func(s object, at string)
	look = func(s object, at string) {
		examples, _ := s["examples"].([]any)
		if d, ok := s["default"]; ok {
			examples = append(examples, d)
		}
		for _, v := range examples {
			found++
			if n, ok := v.(float64); ok && n == float64(int(n)) {
				v = int(n)
			}
			if err := valid(s, v, at); err != nil {
				t.Error(err)
			}
		}
		for name, inner := range propertiesOf(s) {
			look(inner.(object), at+"."+name)
		}
	}
	look(schema(t), "")
	if found < 80 {
		t.Errorf("only %d were found", found)
	}
}
