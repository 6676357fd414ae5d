package profile_test

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/qsnap/qsnap/repo/job/profile"
)

var update = flag.Bool("update", false, "write the golden files again")

// golden compares a text with a file in testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s is not what it was: go test ./repo/job/profile -update", name)
	}
}

func TestTheSchemaIsTheOneThatIsWrittenDown(t *testing.T) {
	golden(t, "schema.json", profile.Schema())
}

// object is a JSON object.
type object = map[string]any

func schema(t *testing.T) object {
	t.Helper()
	var s object
	if err := json.Unmarshal(profile.Schema(), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// propertiesOf returns the properties of a schema, and of its alternatives and elements.
func propertiesOf(s object) object {
	out := object{}
	if p, ok := s["properties"].(object); ok {
		maps.Copy(out, p)
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if inner, ok := s[key].(object); ok {
			maps.Copy(out, propertiesOf(inner))
		}
	}
	all, _ := s["anyOf"].([]any)
	for _, inner := range all {
		maps.Copy(out, propertiesOf(inner.(object)))
	}
	return out
}

// keys adds the keys of a schema, joined by dots.
func keys(s object, at string, into map[string]bool) {
	for name, inner := range propertiesOf(s) {
		into[at+name] = true
		keys(inner.(object), at+name+".", into)
	}
}

// used adds the keys of a YAML value, joined by dots. The names of profiles and targets are
// left out.
func used(n *yaml.Node, at string, named bool, into map[string]bool) {
	for i, c := range n.Content {
		switch {
		case n.Kind != yaml.MappingNode:
			used(c, at, false, into)
		case i%2 == 1:
		case named:
			used(n.Content[i+1], at, false, into)
		default:
			into[at+c.Value] = true
			top := at == "" && (c.Value == "profiles" || c.Value == "targets")
			used(n.Content[i+1], at+c.Value+".", top || c.Value == "log-levels", into)
		}
	}
}

func TestTheExampleHasEveryKeyAndNoProblem(t *testing.T) {
	s := loaded(t, profile.Example())
	for _, p := range s.Problems() {
		t.Error(p)
	}
	for _, name := range s.Names() {
		if _, err := s.Get(name); err != nil {
			t.Error(err)
		}
	}
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(profile.Example()), &root); err != nil {
		t.Fatal(err)
	}
	want, got := map[string]bool{}, map[string]bool{}
	keys(schema(t), "", want)
	used(root.Content[0], "", false, got)
	if len(want) < 120 {
		t.Errorf("only %d keys were found", len(want))
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if !got[key] && !elsewhere(key) {
			t.Errorf("%s is not in the example", key)
		}
	}
}

// elsewhere reports whether the example shows a key in another place where it may be.
func elsewhere(key string) bool {
	for _, place := range []string{
		"profiles.repo.url", "profiles.replicas.url", "profiles.copies.repo.url", "profiles.copies.key-file", "profiles.copies.password-file",
		"profiles.key-file", "profiles.password-command", "profiles.credential", "profiles.schedule.every",
		"profiles.hooks.after.", "profiles.hooks.on-success.", "profiles.hooks.on-failure.", "profiles.hooks.on-overdue.", "profiles.hooks.before.shell",
	} {
		if strings.HasPrefix(key, place) {
			return true
		}
	}
	return false
}
