//go:build unix

package job

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/internal/history"
	"github.com/qsnap/qsnap/internal/state"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

// A site is a machine with one profile, at some time.
type site struct {
	t        *testing.T
	dir      string
	mu       sync.Mutex // for the clock, which several goroutines read
	now      time.Time
	warnings []string
}

// clock returns the time, which passes by a millisecond each time.
func (s *site) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(time.Millisecond)
	return s.now
}

// newSite returns a site with a source and, if made, a repository.
func newSite(t *testing.T, made bool) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), now: time.Date(2026, 11, 30, 14, 0, 5, 0, time.UTC)}
	s.write("src/a", "first")
	key, err := repo.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	s.write("key", key)
	if made {
		s.makeRepo("repo")
	}
	return s
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

func (s *site) write(name, text string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) read(name string) string {
	b, err := os.ReadFile(s.path(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.t.Fatal(err)
	}
	return string(b)
}

func (s *site) config(name string) connect.Config {
	return connect.Config{Location: connect.Directory(s.path(name)), Getenv: s.getenv}
}

func (s *site) secret() connect.Secret {
	return connect.Secret{KeyFile: s.path("key")}
}

func (s *site) getenv(name string) string {
	return map[string]string{"HOME": s.dir, "XDG_CACHE_HOME": s.dir}[name]
}

func (s *site) makeRepo(name string) {
	s.t.Helper()
	r, err := connect.Init(s.t.Context(), s.config(name), s.secret(), repo.InitOptions{Options: s.repoOptions()})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) repoOptions() repo.Options { return repo.Options{CacheDir: s.path("cache")} }

// versions returns the versions in a repository.
func (s *site) versions(name string) []*snapshot.Manifest {
	s.t.Helper()
	r, err := connect.Open(s.t.Context(), s.config(name), s.secret(), s.repoOptions())
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Close()
	all, err := r.Snapshots(s.t.Context(), repo.Filter{})
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

// options returns those of a run of the profile with these further keys.
func (s *site) options(keys string) Options {
	s.t.Helper()
	text := "profiles:\n  app:\n    repo: ROOT/repo\n    key-file: ROOT/key\n    no-keyring: true\n    cache-dir: ROOT/cache\n    host: web1\n"
	if !strings.Contains(keys, "sources:") {
		text += "    sources: [ROOT/src]\n"
	}
	if !strings.Contains(keys, "limits:") {
		text += "    limits: {mode: \"off\"}\n" // the machine may be busy
	}
	for line := range strings.Lines(keys) {
		text += "    " + line
	}
	s.write("config.yaml", strings.ReplaceAll(text, "ROOT", s.dir)+"\n")
	set, err := profile.Load(s.path("config.yaml"), s.getenv)
	if err != nil {
		s.t.Fatal(err)
	}
	p, err := set.Get("app")
	if err != nil {
		s.t.Fatal(err)
	}
	return Options{
		Profile: p, State: s.path("state"), Getenv: s.getenv, Environ: func() []string { return []string{"PATH=" + os.Getenv("PATH")} },
		Now: s.clock, Warn: func(err error) { s.warnings = append(s.warnings, err.Error()) },
	}
}

// run runs a profile, and expects an exit code.
func (s *site) run(o Options, code int) report.Run {
	s.t.Helper()
	got, err := Run(s.t.Context(), o)
	if got.Code != code || exit.Of(err, true).Code != code {
		s.t.Fatalf("exit code %d, want %d: %v; %q", got.Code, code, err, s.warnings)
	}
	return got
}

func (s *site) history() []report.Run {
	s.t.Helper()
	d, err := state.Open(s.path("state"), nil, time.Now)
	if err != nil {
		s.t.Fatal(err)
	}
	runs, err := history.Open(d).List(history.Filter{})
	if err != nil {
		s.t.Fatal(err)
	}
	return runs
}

func stepsOf(r report.Run) (names []string) {
	for _, s := range r.Steps {
		names = append(names, s.Name)
	}
	return names
}

const noted = `
hooks:
  before: [{shell: 'echo "$QSNAP_STEP $QSNAP_PROFILE" >>ROOT/log'}]
  after: [{shell: 'echo "$QSNAP_STEP ${QSNAP_SNAPSHOT:+taken}" >>ROOT/log'}]
  on-success: [{shell: 'echo "$QSNAP_STEP $QSNAP_EXIT" >>ROOT/log'}]
  on-failure: [{shell: 'echo "$QSNAP_STEP $QSNAP_EXIT $QSNAP_MESSAGE" >>ROOT/log; cat >ROOT/input'}]
`
