package main

import (
	"os"
	"strings"
	"testing"
)

// What was named through a link goes back through it in place: the link is where it was, or
// on the way there. A link within what was named is itself what was taken.
func TestInPlaceWhatWasNamedThroughALinkGoesBackThroughIt(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	s.run("init", "--key-file", "key")
	for _, name := range []string{"real/f", "real/sub/f", "b/g", "far/f"} {
		s.write(name, []byte(name))
	}
	for name, to := range map[string]string{"link": "real", "way": "real", "b/in": "../far"} {
		if err := os.Symlink(to, s.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		named string
		file  string // that is behind the link
	}{
		{"link", "real/f"},
		{"link b", "real/f"},
		{"link/sub b", "real/sub/f"},
		{"link way b", "real/f"},
		{"link/f b", "real/f"},
		{"link/f", "real/f"},
	} {
		s.run(append([]string{"-q", "snapshot", "--tag", c.named}, strings.Fields(c.named)...)...)
		if err := os.Remove(s.path(c.file)); err != nil {
			t.Fatal(err)
		}
		s.write("real/sub/later", []byte("later"))
		for _, flag := range []string{"--delete=false", "--delete"} {
			if out, code := s.try("restore", "latest", "--in-place", "--yes", "--tag", c.named, flag); code != exitOK {
				t.Errorf("%s: exit code %d\n%s", c.named, code, out)
			}
		}
		if b, err := os.ReadFile(s.path(c.file)); err != nil || string(b) != c.file {
			t.Errorf("%s: %q, %v", c.named, b, err)
		}
		held := !strings.Contains(c.named, "/f") // as a directory, with all in it
		if _, err := os.Stat(s.path("real/sub/later")); os.IsNotExist(err) != held {
			t.Errorf("%s: what was made later: %v", c.named, err)
		}
		for name, to := range map[string]string{"link": "real", "way": "real", "b/in": "../far"} {
			if got, err := os.Readlink(s.path(name)); err != nil || got != to {
				t.Errorf("%s: %s leads to %q, %v", c.named, name, got, err)
			}
		}
	}
}
