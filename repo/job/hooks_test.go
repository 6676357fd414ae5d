//go:build unix

package job

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/repo/report"
)

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
