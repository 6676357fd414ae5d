package profile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/repo/job/profile"
)

func TestInspectLooksAtWhatAProfileNames(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string, mode os.FileMode) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	put("private", "secret", 0o600)
	put("public", "secret", 0o644)
	put("srv/a", "a", 0o644)
	put("store/in/a", "a", 0o644)
	if err := os.Symlink("store", filepath.Join(dir, "link")); err != nil {
		t.Skip(err)
	}
	for _, c := range []struct{ name, profile, machine, want string }{
		{"nothing", "repo: new, password-file: private, sources: srv", "web1", ""},
		{"a password that others read", "repo: new, password-file: public, sources: srv", "web1", "warning: password-file: others can read"},
		{"a password that isn't there", "repo: new, password-file: none, sources: srv", "web1", "error: password-file: stat"},
		{"a directory for a password", "repo: new, password-file: srv, sources: srv", "web1", "error: password-file: $DIR/srv is a directory"},
		{"a key that init makes", "repo: new, key-file: none, sources: srv", "web1", "warning: key-file: $DIR/none is not there: \"qsnap init -p app\""},
		{"a copy's secret", "repo: new, key-file: private, sources: srv, copies: [{repo: other, key-file: none}]", "web1", "error: copies[0]: stat"},
		{"no secret", "repo: new, sources: srv", "web1", "warning: : no secret is named"},
		{"patterns", "repo: new, key-file: private, sources: srv, exclude-file: none", "web1", "error: exclude-file: stat"},
		{"a source that isn't there", "repo: new, key-file: private, sources: none", "web1", "warning: sources[0]: lstat"},
		{"a source in the repository", "repo: store, key-file: private, sources: [srv, link/in]", "web1", "error: sources[1]: $DIR/link/in is in the repository $DIR/store"},
		{"a source that is the repository", "repo: link, key-file: private, sources: store", "web1", "error: sources[0]: $DIR/store is in the repository"},
		{"a source in a replica", "repo: new, key-file: private, replicas: link, sources: store/in", "web1", "error: sources[0]: $DIR/store/in is in the replica 1"},
		{"the repository in a source", "repo: srv/new, key-file: private, sources: srv", "web1", "warning: sources[0]: the repository $DIR/srv/new is in this source"},
		{"a container", "repo: new, key-file: private, sources: srv", "3f2a9c0d1e4b", "warning: : the host name \"3f2a9c0d1e4b\" looks generated"},
		{"a container with a name", "repo: new, key-file: private, sources: srv, host: web1", "3f2a9c0d1e4b", ""},
		{"a pod", "repo: new, key-file: private, sources: srv", "app-7d9c6b5f4d-x2x9z", "warning: : the host name"},
		{"a target's password", "repo: {target: t}, key-file: private, sources: srv", "web1", "warning: targets.t.password-file: others can read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := filepath.Join(dir, "config.yaml")
			text := "targets: {t: {url: other, password-file: public}}\nprofiles:\n  app: {" + c.profile + "}\n"
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := profile.Load(name, nowhere)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Get("app"); err != nil {
				t.Fatal(err)
			}
			var all []string
			for _, p := range s.Inspect("app", c.machine) {
				what := map[bool]string{true: "warning", false: "error"}[p.Warning]
				key := strings.TrimPrefix(strings.TrimPrefix(p.Key, "profiles.app"), ".")
				all = append(all, fmt.Sprintf("%s: %s: %s", what, key, strings.ReplaceAll(p.Text, dir, "$DIR")))
				if p.File != name || p.Line < 1 {
					t.Errorf("%+v is nowhere", p)
				}
			}
			if c.want == "" && len(all) > 0 || c.want != "" && (len(all) != 1 || !strings.HasPrefix(all[0], c.want)) {
				t.Errorf("%q, want %q", all, c.want)
			}
		})
	}
}

func TestAFileThatOthersCanChangeIsAWarning(t *testing.T) {
	name := written(t, smallest)
	if err := os.Chmod(name, 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := profile.Load(name, nowhere)
	if err != nil {
		t.Fatal(err)
	}
	if p := s.InspectFiles(); len(p) != 1 || !p[0].Warning || !strings.Contains(p[0].Text, "chmod go-w") {
		t.Error(p)
	}
}
