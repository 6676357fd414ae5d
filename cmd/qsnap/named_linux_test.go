package main

import (
	"os"
	"strings"
	"testing"
)

func TestANamedPathThatCannotBeReadIsMissing(t *testing.T) {
	s := newSession(t)
	for _, name := range []string{"w/open/f", "w/locked/f", "w/file", "w/dead/m/f"} {
		s.write(name, []byte(name))
	}
	nobody := s.asNobody()
	for name, mode := range map[string]os.FileMode{"w/locked": 0, "w/file": 0, "w/dead": 0, "w": 0o311} { // w may be entered, not listed
		if err := os.Chmod(s.path(name), mode); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(s.path(name), 0o755) })
	}
	nobody.run("init", "--key-file", "key")
	for _, c := range []struct{ named, missing string }{
		{"w/open w/locked", "w/locked"},
		{"w/open w/file", "w/file"},
		{"w/open w/dead/m", "w/dead/m"},
		{"w/open w/gone", "w/gone"},
		{"w/open", ""},
		{"w/open/f w/open", ""},
		{"w/locked w/file", "all"},
		{"w/locked", "all"},
		{"w/file", "all"},
	} {
		out, code := nobody.try(append([]string{"snapshot"}, strings.Fields(c.named)...)...)
		switch {
		case c.missing == "all" && (code != exitFailed || strings.Contains(out, "saved") || strings.Count(out, "\n") != 1):
			t.Errorf("%s: exit code %d\n%s", c.named, code, out)
		case c.missing == "" && code != exitOK:
			t.Errorf("%s: exit code %d\n%s", c.named, code, out)
		case c.missing != "" && c.missing != "all" && (code != exitNotWhole || !strings.Contains(out, s.path(c.missing)+" is not in the snapshot: ")):
			t.Errorf("%s: exit code %d\n%s", c.named, code, out)
		}
		if c.missing != "all" && !strings.Contains(nobody.run("ls", "latest"), "f\n") {
			t.Errorf("%s: what could be read is not in the snapshot", c.named)
		}
	}
}
