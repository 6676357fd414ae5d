//go:build unix

package job

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
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

func TestARunMakesItsStepsInOrderAndRecordsThem(t *testing.T) {
	s := newSite(t, true)
	got := s.run(s.options("schedule: {every: 1h}\nretention: {keep-last: 3}\n"+noted), 0)
	if want := []string{"before", "snapshot", "after", "retention", "verification", "on-success"}; !slices.Equal(stepsOf(got), want) {
		t.Errorf("%q, want %q", stepsOf(got), want)
	}
	if log := s.read("log"); log != "before app\nafter taken\non-success 0\n" {
		t.Errorf("%q", log)
	}
	m := s.versions("repo")[0]
	slot := time.Date(2026, 11, 30, 14, 0, 0, 0, time.UTC)
	if m.Hostname != "web1" || m.Job.Profile != "app" || !m.Job.Slot.Equal(slot) || m.Job.Installation.IsZero() || !strings.Contains(string(m.Job.Settings), "keep-last: 3") {
		t.Errorf("%+v", m)
	}
	if got.Snapshot == nil || got.Snapshot.ID != m.ID || !got.Snapshot.Good || got.Retained.Kept != 1 || got.Verified.Depth != 1 {
		t.Errorf("%+v", got)
	}
	runs := s.history()
	if len(runs) != 1 || runs[0].ID != got.ID || runs[0].Trigger != report.ByHand || runs[0].Ended.IsZero() || !slices.Equal(stepsOf(runs[0]), stepsOf(got)) {
		t.Errorf("%+v", runs)
	}
	if len(s.warnings) > 0 {
		t.Errorf("%q", s.warnings)
	}
}

func TestASlotIsDoneOnce(t *testing.T) {
	s := newSite(t, true)
	o := s.options("schedule: {cron: '0 * * * *', zone: Europe/Berlin}")
	o.Scheduled = true
	if got := s.run(o, 0); got.Skipped != "" || got.Trigger != report.BySchedule {
		t.Errorf("%+v", got)
	}
	if got := s.run(o, 0); got.Skipped != "slot 15:00 is done" || got.Snapshot != nil {
		t.Errorf("%+v", got)
	}
	byHand := o
	byHand.Scheduled = false
	if got := s.run(byHand, 0); got.Skipped != "" || got.Snapshot == nil {
		t.Errorf("a run by hand: %+v", got)
	}
	byHand.SkipIfYounger = time.Hour
	if got := s.run(byHand, 0); !strings.HasPrefix(got.Skipped, "the last good version is ") {
		t.Errorf("a young version: %+v", got)
	}
	s.now = s.now.Add(time.Hour)
	if got := s.run(o, 0); got.Skipped != "" {
		t.Errorf("the next slot: %+v", got)
	}
	s.now = s.now.Add(-24 * time.Hour) // the record of that slot is of the future
	for range 2 {
		s.now = s.now.Add(time.Minute)
		o.Profile.Paused = !o.Profile.Paused
		if got := s.run(o, 0); (got.Skipped == "the profile is paused") != o.Profile.Paused {
			t.Errorf("%+v", got)
		}
	}
	if got := len(s.history()); got != 4 {
		t.Errorf("%d runs are recorded", got)
	}
}

func TestAVersionWhoseRunDiedBeforeItsRecordIsNotMadeTwice(t *testing.T) {
	s := newSite(t, true)
	o := s.options("schedule: {every: 1h}")
	o.Scheduled = true
	first := s.run(o, 0)
	for _, lost := range []string{"history", "live"} { // as if it had been killed after the snapshot
		if err := os.RemoveAll(s.path("state/" + lost)); err != nil {
			t.Fatal(err)
		}
	}
	s.now = s.now.Add(time.Minute)
	again := s.run(o, 0)
	if again.Skipped != "" || again.Snapshot == nil || again.Snapshot.ID != first.Snapshot.ID {
		t.Errorf("%+v, want version %s", again, first.Snapshot.ID)
	}
	if n := len(s.versions("repo")); n != 1 {
		t.Errorf("%d versions", n)
	}
	if got := s.run(o, 0); got.Skipped != "slot 14:00 is done" {
		t.Errorf("%+v", got)
	}
	s.now = s.now.Add(time.Hour)
	if got := s.run(o, 0); got.Snapshot == nil || got.Snapshot.ID == first.Snapshot.ID {
		t.Errorf("the next slot: %+v", got)
	}
}

func TestARunThatASchedulerAsksForTwiceIsMadeOnce(t *testing.T) {
	s := newSite(t, true)
	o := s.options("schedule: {every: 1h}")
	o.ID = "00ff"
	if got := s.run(o, 0); got.ID != "00ff" || got.Snapshot == nil {
		t.Errorf("%+v", got)
	}
	if got := s.run(o, 0); got.Skipped != "run 00ff was made already" {
		t.Errorf("%+v", got)
	}
	if n := len(s.versions("repo")); n != 1 {
		t.Errorf("%d versions", n)
	}
}

func TestARunMakesNoRepository(t *testing.T) {
	s := newSite(t, false)
	got := s.run(s.options(noted), exit.NoRepo)
	if !strings.Contains(got.Message, "is a disk not mounted?") || got.Kind != report.NoRepository {
		t.Errorf("%+v", got)
	}
	if _, err := os.Stat(s.path("repo")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("there is one")
	}
	if log := s.read("log"); !strings.HasPrefix(log, "before app\nafter \non-failure 10 ") || !strings.Contains(s.read("input"), `"kind":"no-repository"`) {
		t.Errorf("%q, %s", log, s.read("input"))
	}
}

func TestRetentionFollowsGoodVersionsOnly(t *testing.T) {
	s := newSite(t, true)
	o := s.options("sources: [ROOT/src, ROOT/db]\nschedule: {every: 1h}\nretention: {keep-last: 2, keep-extra: 0}\n")
	s.write("db/b", "rows")
	for i := range 4 {
		s.write("src/a", fmt.Sprint("version ", i))
		s.run(o, 0)
		s.now = s.now.Add(time.Hour)
	}
	if n := len(s.versions("repo")); n != 2 {
		t.Errorf("%d versions", n)
	}
	if err := os.RemoveAll(s.path("db")); err != nil {
		t.Fatal(err)
	}
	got := s.run(o, exit.NotWhole)
	if slices.Contains(stepsOf(got), "retention") || !slices.Equal(got.Snapshot.Missing, []string{s.path("db")}) || got.Snapshot.Good {
		t.Errorf("%+v", got)
	}
	if n := len(s.versions("repo")); n != 3 {
		t.Errorf("%d versions", n)
	}
	o.Scheduled = true
	if got := s.run(o, 0); !strings.HasPrefix(got.Skipped, "slot") {
		t.Errorf("an incomplete version is done for its slot: %+v", got)
	}
}

func TestARequiredHookStopsTheRun(t *testing.T) {
	s := newSite(t, true)
	hooks := "hooks:\n  before: [{shell: 'echo no room; exit 4', required: %v}]\n  after: [{shell: 'echo after >>ROOT/log'}]\n  on-failure: [{shell: 'echo $QSNAP_EXIT >>ROOT/log'}]\nretention: {keep-last: 1}\n"
	got := s.run(s.options(fmt.Sprintf(hooks, true)), exit.Failed)
	if log := s.read("log"); log != "after\n1\n" || got.Snapshot != nil || !strings.Contains(got.Message, "exit code 4: no room") {
		t.Errorf("%q, %+v", log, got)
	}
	if got.Steps[0].Output != "no room\n" || got.Steps[0].Code != exit.Failed {
		t.Errorf("%+v", got.Steps[0])
	}
	got = s.run(s.options(fmt.Sprintf(hooks, false)), exit.Failed)
	if got.Snapshot == nil || slices.Contains(stepsOf(got), "retention") {
		t.Errorf("%+v", got)
	}
}

func TestAKilledRunsHooksAreOwed(t *testing.T) {
	s := newSite(t, true)
	o := s.options(noted)
	x, err := begin(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.owe(); err != nil {
		t.Fatal(err)
	}
	o.Profile.Hooks.After = nil // what was promised counts
	got := s.run(o, 0)
	if log := s.read("log"); log != "after \nbefore app\non-success 0\n" {
		t.Errorf("%q, %+v", log, got)
	}
	if len(s.warnings) != 1 || !strings.Contains(s.warnings[0], x.record.ID) {
		t.Errorf("%q", s.warnings)
	}
	s.run(o, 0)
	if log := s.read("log"); strings.Count(log, "after") != 1 {
		t.Errorf("it was paid twice: %q", log)
	}
	if err := x.owe(); err != nil {
		t.Fatal(err)
	}
	o.Profile = profile.Profile{}
	for range 2 {
		if err := PayOwed(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	if log := s.read("log"); strings.Count(log, "after") != 2 {
		t.Errorf("by a service: %q", log)
	}
}

func TestOneRunOfAProfileIsUnderWay(t *testing.T) {
	s := newSite(t, true)
	o := s.options("")
	x, err := begin(o)
	if err != nil {
		t.Fatal(err)
	}
	lock, err := x.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), o); !errors.Is(err, ErrRunning) || exit.Of(err, true).Code != exit.Running {
		t.Errorf("%v", err)
	}
	o.Wait = true
	done := make(chan error)
	go func() { _, err := Run(context.WithoutCancel(t.Context()), o); done <- err }()
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("a run that waited: %v", err)
	}
}

func TestAReplicaThatIsOutOfReachIsLate(t *testing.T) {
	s := newSite(t, true)
	s.makeRepo("copy")
	s.write("blocked", "a file, where a directory should be")
	got := s.run(s.options("replicas: [ROOT/blocked/x, ROOT/replica]\ncopies: [{repo: ROOT/copy, key-file: ROOT/key}]\n"+noted), exit.Behind)
	if len(got.Copies) != 3 || got.Copies[0].Message == "" || got.Copies[1].Message != "" || got.Copies[1].Bytes == 0 || got.Copies[2].Message != "" {
		t.Errorf("%+v", got.Copies)
	}
	if len(s.versions("replica")) != 1 || len(s.versions("copy")) != 1 || !strings.HasSuffix(s.read("log"), "on-success 4\n") {
		t.Errorf("%q", s.read("log"))
	}
}

func TestAnInterruptedRunRunsWhatItOwes(t *testing.T) {
	s := newSite(t, true)
	ctx, stop := context.WithCancel(t.Context())
	o := s.options(noted)
	o.Progress = func(p report.RunProgress) {
		if p.Step == "snapshot" {
			stop()
		}
	}
	got, err := Run(ctx, o)
	if !errors.Is(err, ErrInterrupted) || got.Code != exit.Interrupted || got.Kind != report.Interrupted {
		t.Errorf("%+v, %v", got, err)
	}
	if log := s.read("log"); log != "before app\nafter \n" {
		t.Errorf("%q", log)
	}
	if runs := s.history(); len(runs) != 1 || runs[0].Code != exit.Interrupted {
		t.Errorf("%+v", runs)
	}
	o.Progress = nil
	s.run(o, 0)
}

func TestADryRunChangesNothing(t *testing.T) {
	s := newSite(t, true)
	o := s.options("schedule: {every: 1h}\nretention: {keep-last: 1, keep-extra: 0}\n" + noted)
	s.run(o, 0)
	before := s.read("log")
	s.now = s.now.Add(time.Hour)
	s.write("src/a", "second, which is longer")
	o.DryRun = true
	got := s.run(o, 0)
	if got.Snapshot == nil || got.Snapshot.New == 0 || got.Retained == nil || len(s.versions("repo")) != 1 || len(s.history()) != 1 || s.read("log") != before {
		t.Errorf("%+v", got)
	}
}

func TestEachDayReadsItsSlice(t *testing.T) {
	s := newSite(t, true)
	o := s.options("verify: {slices: 2}")
	slices := map[string]int{}
	for range 4 {
		if got := s.run(o, 0); got.Verified != nil {
			slices[got.Verified.Slice]++
		}
		if got := s.run(o, 0); got.Verified != nil {
			t.Errorf("a second time on one day: %+v", got.Verified)
		}
		s.now = s.now.Add(24 * time.Hour)
	}
	if slices["1/2"] != 2 || slices["2/2"] != 2 {
		t.Errorf("%v", slices)
	}
}

func TestDamageIsFoundByTheDaysSlice(t *testing.T) {
	s := newSite(t, true)
	o := s.options("verify: {slices: 1}\n" + noted)
	s.write("src/a", strings.Repeat("what will be damaged ", 1000))
	s.run(o, 0)
	packs, err := filepath.Glob(s.path("repo/packs/*/*"))
	if err != nil || len(packs) == 0 {
		packs, err = filepath.Glob(s.path("repo/pack*/*"))
	}
	if err != nil || len(packs) == 0 {
		t.Fatal("no packs", err)
	}
	for _, name := range packs {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/3] ^= 1
		if err := os.Chmod(name, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.now = s.now.Add(24 * time.Hour)
	got, err := Run(t.Context(), o)
	if got.Code != exit.Damage || got.Verified == nil || got.Verified.Findings == 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAURLHearsOfARun(t *testing.T) {
	s := newSite(t, true)
	var heard []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		heard = append(heard, r.URL.Path+" "+fmt.Sprint(len(r.URL.Query().Get("rid"))))
	}))
	defer server.Close()
	s.run(s.options("hooks: {ping: {url: '"+server.URL+"/u'}}"), 0)
	if want := []string{"/u/start 36", "/u 36"}; !slices.Equal(heard, want) {
		t.Errorf("%q, want %q", heard, want)
	}
	heard = nil
	if err := os.Rename(s.path("repo"), s.path("away")); err != nil {
		t.Fatal(err)
	}
	s.run(s.options("hooks: {ping: {url: '"+server.URL+"/u', body: false}}"), exit.NoRepo)
	if want := []string{"/u/start 36", "/u/10 36"}; !slices.Equal(heard, want) {
		t.Errorf("%q, want %q", heard, want)
	}
	server.Close()
	if err := os.Rename(s.path("away"), s.path("repo")); err != nil {
		t.Fatal(err)
	}
	s.run(s.options("hooks: {ping: {url: '"+server.URL+"/u', timeout: 1s}}"), 0)
	if len(s.warnings) == 0 || strings.Contains(strings.Join(s.warnings, " "), "/u") {
		t.Errorf("%q", s.warnings)
	}
}

func TestARunIsHeldToItsBudget(t *testing.T) {
	s := newSite(t, true)
	o := s.options("schedule: {every: 1h}\nlimits: {mode: always, cpu: 50%, io: 60%, first: \"off\", memory: 128M, hours: [{when: \"15:00-16:00\", cpu: 40%}]}\n")
	first := s.run(o, 0)
	if c := first.Cost; c == nil || c.Mode != "off" || c.CPU.Budget != 0 || c.Memory.Budget != 128<<20 {
		t.Errorf("the first one: %+v", c)
	}
	second := s.run(o, 0)
	if c := second.Cost; c == nil || c.Mode != "always" || c.CPU.Budget != 0.5 || c.IO.Budget != 0.6 {
		t.Errorf("the second one: %+v", c)
	}
	s.now = s.now.Add(time.Hour)
	if c := s.run(o, 0).Cost; c.CPU.Budget != 0.4 || c.IO.Budget != 0.6 {
		t.Errorf("at other hours: %+v", c)
	}
	o.NoLimit = true
	if c := s.run(o, 0).Cost; c.Mode != "off" || c.Memory.Budget != 0 {
		t.Errorf("without limits: %+v", c)
	}
}

func TestARunThatWouldLastTooLongSaysSoBefore(t *testing.T) {
	s := newSite(t, true)
	o := s.options("schedule: {every: 1h}\nlimits: {mode: always, cpu: 1%, io: 100%}\n")
	if err := o.fill(); err != nil {
		t.Fatal(err)
	}
	d, err := state.Open(s.path("state"), o.Rand, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	err = history.Open(d).Add(report.Run{
		ID: "1", Profile: "app", Started: s.now, Ended: s.now, Snapshot: &report.RunTaken{Good: true}, Cost: &report.RunCost{Seconds: 86_400},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.run(o, 0)
	if len(s.warnings) == 0 || !strings.Contains(s.warnings[0], "1h0m0s") || !strings.Contains(s.warnings[0], "interval") {
		t.Errorf("%q", s.warnings)
	}
}
