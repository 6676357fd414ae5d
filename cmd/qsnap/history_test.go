package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/history"
	"github.com/qsnap/qsnap/internal/state"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

// A hostSession runs commands on a host with a state directory and profiles of its own.
type hostSession struct {
	*testing.T
	dir string
	env map[string]string
}

func newHostSession(t *testing.T) *hostSession {
	dir := t.TempDir()
	return &hostSession{t, dir, map[string]string{
		"QSNAP_HOST": "web1", "HOME": dir, "STATE_DIRECTORY": dir + "/state", "QSNAP_CONFIG": dir + "/config.yaml",
		"QSNAP_NO_KEYRING": "1", "XDG_CACHE_HOME": dir + "/cache",
	}}
}

// run runs a command line and returns what it prints, standard error last, and the exit code.
func (s *hostSession) run(args ...string) (out string, code int) {
	s.Helper()
	var stdout, stderr bytes.Buffer
	p := &program{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, getenv: func(k string) string { return s.env[k] }}
	code = p.run(s.Context(), append([]string{"qsnap"}, args...))
	return stdout.String() + stderr.String(), code
}

// history returns the history of the host, as the runs of profiles write it.
func (s *hostSession) history() *history.History {
	s.Helper()
	d, err := state.Open(s.dir+"/state", rand.Reader, time.Now)
	if err != nil {
		s.Fatal(err)
	}
	return history.Open(d)
}

func (s *hostSession) add(runs ...report.Run) {
	s.Helper()
	for _, r := range runs {
		if err := s.history().Add(r); err != nil {
			s.Fatal(err)
		}
	}
}

// aRun returns a run that made a good version.
func aRun(profile string, started time.Time) report.Run {
	return report.Run{
		ID: fmt.Sprintf("%x", started.Unix()), Profile: profile, Host: "web1", Trigger: report.BySchedule, Level: "incremental",
		Slot: started.Truncate(time.Hour), Due: started.Truncate(time.Hour), Started: started, Ended: started.Add(65 * time.Second),
		Snapshot: &report.RunTaken{ID: snapshot.ID{1}, Good: true, Files: 1234, Bytes: 5 << 20, Read: 2 << 20, New: 1 << 20, Stored: 1 << 19},
	}
}

func TestHistoryListsTheRunsOfThisHost(t *testing.T) {
	s := newHostSession(t)
	if out, code := s.run("history"); out != "there are no runs\n" || code != 0 {
		t.Error(out, code)
	}
	start := time.Now().Truncate(time.Hour).Add(-10 * time.Hour)
	for i := range 5 {
		s.add(aRun("app", start.Add(time.Duration(i)*time.Hour)))
	}
	bad := aRun("web", start.Add(5*time.Hour))
	bad.Snapshot, bad.Code, bad.Kind, bad.Message = nil, 5, report.Unreachable, "no route\nto host\x1b[2J"
	skipped := aRun("web", start.Add(6*time.Hour))
	skipped.Snapshot, skipped.Skipped = nil, "slot 14:00 is done"
	s.add(bad, skipped)

	out, code := s.run("history")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != 0 || len(lines) != 8 || !strings.HasPrefix(lines[0], "STARTED") {
		t.Fatal(code, out)
	}
	for _, want := range []string{"1:05", "app", "incremental", "done", "1,234", "2.0 MiB", "1.0 MiB", "512 KiB"} {
		if !strings.Contains(lines[5], want) {
			t.Errorf("%q lacks %q", lines[5], want)
		}
	}
	if !strings.Contains(lines[6], `unreachable`) || !strings.Contains(lines[6], `no route to host\x1b[2J`) || !strings.Contains(lines[7], "skipped") || !strings.Contains(lines[7], "slot 14:00 is done") {
		t.Error(out)
	}
	for args, want := range map[string]int{
		"-p web": 2, "--last 3": 3, "-p none": -1, "--since 8h": 4, "--since 2h": -1, "--since " + start.Add(-48*time.Hour).Format("2006-01-02"): 7,
	} {
		out, code := s.run(append([]string{"history"}, strings.Fields(args)...)...)
		if n := strings.Count(out, "\n") - 1; want >= 0 && n != want || want < 0 && out != "there are no runs that these flags select\n" || code != 0 {
			t.Errorf("%s: %d lines, exit code %d\n%s", args, n, code, out)
		}
	}
	if out, code := s.run("history", "--json", "--last", "1"); code != 0 || strings.Count(out, "\n") != 1 || !strings.Contains(out, `"message_type":"run"`) || !strings.Contains(out, `"skipped":"slot 14:00 is done"`) {
		t.Error(out, code)
	}
	for _, args := range []string{"--since x", "--last -1", "app"} {
		if out, code := s.run(append([]string{"history"}, strings.Fields(args)...)...); code != 2 || strings.Count(out, "\n") != 1 {
			t.Errorf("%s: %q, exit code %d", args, out, code)
		}
	}
}

func TestADamagedRecordIsNamedAndTheOthersAreListed(t *testing.T) {
	s := newHostSession(t)
	start := time.Now().Add(-3 * time.Hour)
	s.add(aRun("app", start), aRun("app", start.Add(time.Hour)))
	files, err := os.ReadDir(s.dir + "/state/history/app")
	if err != nil {
		t.Fatal(err)
	}
	name := s.dir + "/state/history/app/" + files[0].Name()
	if err := os.Truncate(name, 200); err != nil {
		t.Fatal(err)
	}
	out, code := s.run("history")
	if code != 0 || strings.Count(out, "\n") != 3 || !strings.Contains(out, "history: "+name+" can't be read: it is not whole: it is left out") {
		t.Error(code, out)
	}
}
