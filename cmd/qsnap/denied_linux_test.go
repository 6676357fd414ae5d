package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An object of a repository that may not be read is named, with what to do. No repair
// removes it, and what doesn't need it goes on.
func TestAnObjectThatMayNotBeReadIsNamedAndNeverRemoved(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	s.write("tree/f", []byte("content"))
	s = s.asNobody()
	s.run("init", "--key-file", "key")
	s.run("snapshot", "tree")
	for _, c := range []struct {
		glob   string
		repair string
		code   int
		says   string
	}{
		{"repo/packs/*/*", "packs", exitDamage, "left alone: no permission to read it, and it may be intact"},
		{"repo/snapshots/*", "snapshots --forget", exitOK, "left alone, as it may be intact"},
		{"repo/config", "packs", exitOK, "no pack is damaged"},
		{"repo/index/*", "packs", exitOK, "no pack is damaged"},
	} {
		found, err := filepath.Glob(s.path(c.glob))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", c.glob, found, err)
		}
		name := found[0]
		if err := os.Chmod(name, 0); err != nil {
			t.Fatal(err)
		}
		out, code := s.try("check", "--read-data")
		if code != exitDamage || !strings.Contains(out, strings.TrimPrefix(name, s.path("repo/"))) || !strings.Contains(out, "next: it may be intact: fix its permissions") {
			t.Errorf("%s: check: exit code %d\n%s", c.glob, code, out)
		}
		args := append([]string{"repair"}, strings.Fields(c.repair)...)
		if out, code := s.try(args...); code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("%s: repair %s: exit code %d\n%s", c.glob, c.repair, code, out)
		}
		if out, code := s.try("snapshot", "tree"); code != exitOK {
			t.Errorf("%s: snapshot: exit code %d\n%s", c.glob, code, out)
		}
		if err := os.Chmod(name, 0o600); err != nil {
			t.Errorf("%s is gone: %v", c.glob, err)
		}
		if out, code := s.try("check", "--read-data"); code != exitOK {
			t.Errorf("%s: afterwards: exit code %d\n%s", c.glob, code, out)
		}
	}
}
