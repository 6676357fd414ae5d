package yamledit_test

import (
	"errors"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/qsnap/qsnap/internal/yamledit"
)

const text = `# Above.

a:   # beside a
    b: 1      # beside b

    c: {d: 2, e: [3]}  # beside c
    # below c

# Between.
f: |
  # no comment

  text
g: &anchor {h: 1}
i: *anchor
# The end.
`

func TestOnlyTheEditedEntryChanges(t *testing.T) {
	for _, c := range []struct{ path, value, before, after string }{
		{"a.b", "9", "    b: 1      # beside b\n", "    b: 9 # beside b\n"},
		{"a.c.d", "9", "{d: 2, e: [3]}  #", "{d: 9, e: [3]} #"},
		{"a.c.x.y", "9", "{d: 2, e: [3]}  #", "{d: 2, e: [3], x: {y: 9}} #"},
		{"a.x", "9", "e: [3]}  # beside c\n", "e: [3]}  # beside c\n    x: 9\n"},
		{"a", "9", text[strings.Index(text, "a:"):strings.Index(text, "    # below")], "a: 9 # beside a\n"},
		{"f", "9", "f: |\n  # no comment\n\n  text\n", "f: 9\n"},
		{"x.y", "9", "i: *anchor\n", "i: *anchor\nx:\n  y: 9\n"},
	} {
		edited, err := yamledit.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		err = edited.Set(strings.Split(c.path, "."), &yaml.Node{Kind: yaml.ScalarNode, Value: c.value})
		want := strings.Replace(text, c.before, c.after, 1)
		if c.path == "a" { // a comment of the old value's end goes with it
			want = strings.Replace(want, "    # below c\n", "", 1)
		}
		if got := string(edited.Bytes()); err != nil || want == text || got != want {
			t.Errorf("%s: %v\n%s", c.path, err, got)
		}
	}
}

func TestRemovingAnEntryLeavesTheOthers(t *testing.T) {
	for _, c := range []struct{ path, before, after string }{
		{"a.b", "    b: 1      # beside b\n", ""},
		{"a.c.e", "{d: 2, e: [3]}  #", "{d: 2} #"},
		{"f", "# Between.\nf: |\n  # no comment\n\n  text\n", ""},
	} {
		edited, err := yamledit.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		found, err := edited.Remove(strings.Split(c.path, "."))
		if got, want := string(edited.Bytes()), strings.Replace(text, c.before, c.after, 1); err != nil || !found || got != want {
			t.Errorf("%s: %v\n%s", c.path, err, got)
		}
		if found, err := edited.Remove([]string{"a", "none"}); found || err != nil {
			t.Errorf("what isn't there: %v %v", found, err)
		}
	}
}

func TestWhatCannotBeEditedByLinesIsRefused(t *testing.T) {
	nine := &yaml.Node{Kind: yaml.ScalarNode, Value: "9"}
	for _, c := range []struct{ text, path string }{
		{text, "g.h"}, {text, "i.h"}, {"{a: 1}", "a"}, {"  a: 1\n", "a"},
	} {
		edited, err := yamledit.Parse([]byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		if err := edited.Set(strings.Split(c.path, "."), nine); !errors.Is(err, yamledit.ErrByHand) {
			t.Errorf("%s of %q: %v", c.path, c.text, err)
		}
	}
	if _, err := yamledit.Parse([]byte("- a\n")); !errors.Is(err, yamledit.ErrByHand) {
		t.Error(err)
	}
}

func TestLinesEndAsTheyDid(t *testing.T) {
	edited, err := yamledit.Parse([]byte("a: 1\r\nb:\r\n  c: 2"))
	if err == nil {
		err = edited.Set([]string{"b", "d"}, &yaml.Node{Kind: yaml.ScalarNode, Value: "3"})
	}
	if got := string(edited.Bytes()); err != nil || got != "a: 1\r\nb:\r\n  c: 2\r\n  d: 3\r\n" {
		t.Errorf("%v %q", err, got)
	}
}
