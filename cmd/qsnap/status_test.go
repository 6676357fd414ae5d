package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/history"
	"github.com/qsnap/qsnap/internal/state"
	"github.com/qsnap/qsnap/repo/report"
)

// withProfile writes a configuration with one profile that has these further keys, its
// source, and its repository.
func (s *hostSession) withProfile(keys string) {
	s.Helper()
	config := strings.ReplaceAll("profiles:\n  app:\n    repo: DIR/repo\n    key-file: DIR/key\n    cache-dir: DIR/cache\n    sources: [DIR/src]\n", "DIR", s.dir)
	for line := range strings.Lines(keys) {
		config += "    " + line
	}
	for name, text := range map[string]string{"config.yaml": config + "\n", "src/a": "one\n"} {
		if err := os.MkdirAll(s.dir+"/src", 0o755); err != nil {
			s.Fatal(err)
		}
		if err := os.WriteFile(s.dir+"/"+name, []byte(text), 0o600); err != nil {
			s.Fatal(err)
		}
	}
	if out, code := s.run("--repo", s.dir+"/repo", "--cache-dir", s.dir+"/cache", "init", "--key-file", s.dir+"/key"); code != 0 {
		s.Fatal(out)
	}
}

func TestStatusIsGreenOnlyIfTheRepositoryHasARecentVersion(t *testing.T) {
	s := newHostSession(t)
	if out, code := s.run("status"); code != 2 || strings.Count(out, "\n") != 1 {
		t.Error("without a configuration:", code, out)
	}
	s.withProfile("schedule: {every: 1h}\nhooks: {on-overdue: [{shell: 'echo \"$QSNAP_STATE\" >>\"$HOME/told\"'}]}")
	t.Setenv("HOME", s.dir)
	if out, code := s.run("status"); code != 8 || !strings.HasPrefix(out, "✗ app  overdue: it has no good version; at most 2 h is promised; next ") || strings.Count(out, "\n") != 1 {
		t.Error(code, out)
	}
	if out, code := s.run("status", "--quiet", "--notify"); code != 8 || !strings.HasPrefix(out, "qsnap: app is overdue: ") || strings.Count(out, "\n") != 1 {
		t.Error(code, out)
	}
	if out, code := s.run("run", "app", "--quiet", "--no-limit"); code != 0 {
		t.Fatal(code, out)
	}
	if out, code := s.run("status", "app"); code != 0 || !strings.HasPrefix(out, "✓ app  good: the last good version ended ") {
		t.Error(code, out)
	}
	if out, code := s.run("status", "-q", "--notify", "--overdue", "1d"); code != 0 || out != "" {
		t.Error(code, out)
	}
	if b, err := os.ReadFile(s.dir + "/told"); string(b) != "overdue\ngood\n" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	// A hook that fails is said, and does not hide that the profile is overdue.
	if err := os.Mkdir(s.dir+"/told2", 0o755); err != nil {
		t.Fatal(err)
	}
	broken, err := os.ReadFile(s.dir + "/config.yaml")
	if err == nil {
		err = os.WriteFile(s.dir+"/config.yaml", bytes.ReplaceAll(broken, []byte("/told"), []byte("/told2")), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if out, code := s.run("status", "--notify", "--overdue", "0.001s"); code != 8 || strings.Count(out, "\n") != 2 || !strings.Contains(out, "\nqsnap: app: hook on-overdue: ") {
		t.Error(code, out)
	}
	for _, args := range []string{"nobody", "--overdue x", "--overdue 0s"} {
		if out, code := s.run(append([]string{"status"}, strings.Fields(args)...)...); code != 2 || strings.Count(out, "\n") != 1 {
			t.Errorf("%s: %q, exit code %d", args, out, code)
		}
	}
	if err := os.Rename(s.dir+"/repo", s.dir+"/away"); err != nil {
		t.Fatal(err)
	}
	if out, code := s.run("status"); code != 10 || !strings.Contains(out, "unreachable: the repository gave no answer") {
		t.Error(code, out)
	}
	out, code := s.run("status", "--json")
	var got report.Status
	first, last, _ := strings.Cut(out, "\n")
	if err := json.Unmarshal([]byte(first), &got); err != nil || code != 10 || got.Good || !strings.Contains(last, `"exit_error"`) {
		t.Error(code, out, err)
	}
}

func TestAProfileThatCanNotBeUsedIsNotWell(t *testing.T) {
	s := newHostSession(t)
	s.withProfile("schedule: {every: 1h}")
	if out, code := s.run("run", "app", "--quiet", "--no-limit"); code != 0 {
		t.Fatal(code, out)
	}
	f, err := os.OpenFile(s.dir+"/config.yaml", os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString("  web:\n    repo: /nowhere\n    sources: []\n")
	}
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	out, code := s.run("status")
	if code != 2 || !strings.Contains(out, "✓ app  good") || !strings.Contains(out, "qsnap: ") || !strings.Contains(out, "web") {
		t.Error(code, out)
	}
	if out, code := s.run("status", "app"); code != 0 {
		t.Error(code, out)
	}
}

func TestStatusShowsRunsThatAreUnderWayAndDeadOnes(t *testing.T) {
	s := newHostSession(t)
	s.withProfile("schedule: {every: 1h}")
	if out, code := s.run("run", "app", "--quiet", "--no-limit"); code != 0 {
		t.Fatal(code, out)
	}
	d, err := state.Open(s.dir+"/state", strings.NewReader(""), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now().Add(-90 * time.Second)
	shown, err := d.Show(report.RunProgress{ID: "r1", Profile: "app", PID: 42, Started: began, Updated: began.Add(time.Minute), Step: "snapshot", Done: 30, Total: 40, CPU: 0.08, IO: 0.2})
	if err != nil {
		t.Fatal(err)
	}
	if out, code := s.run("status"); code != 0 || !strings.Contains(out, "\n  running for 1:30 in process 42: snapshot 75 %; processors 8.0 %, disk 20.0 %\n") {
		t.Error(code, out)
	}
	// A watch ends when it is interrupted.
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var out strings.Builder
	p := &program{stdin: strings.NewReader(""), stdout: &out, stderr: &out, getenv: func(k string) string { return s.env[k] }}
	p.run(ctx, []string{"qsnap", "status", "--watch"})
	if err := shown.End(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.dir+"/state/live/r2.json", []byte(`{"id":"r2","profile":"gone","step":"prune","started":"2026-11-30T14:00:00Z","updated":"2026-11-30T14:00:07Z"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := s.run("status"); code != 0 || !strings.Contains(out, "  gone: run r2 died in the step prune, 0:07 after it had started") {
		t.Error(code, out)
	}
}

func TestReportSaysWhatWasKeptAndWritesAPage(t *testing.T) {
	s := newHostSession(t)
	s.withProfile("schedule: {every: 1h}\nretention: {keep-last: 72}")
	if out, code := s.run("run", "app", "--quiet", "--no-limit"); code != 0 {
		t.Fatal(code, out)
	}
	out, code := s.run("report", "--html", s.dir+"/page.html", "--since", "30d")
	if code != 0 {
		t.Fatal(code, out)
	}
	for _, want := range []string{"app: good: the last good version ended ", "good runs         1 of 1", "1 of 72 slots; 1 version in all", s.dir + "/repo", "  restores          none", "wrote " + s.dir + "/page.html"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	page, err := os.ReadFile(s.dir + "/page.html")
	if err != nil || !strings.HasPrefix(string(page), "<!DOCTYPE html>") || !strings.Contains(string(page), "1 of 72 slots") {
		t.Errorf("%.200s, %v", page, err)
	}
	if files, err := os.ReadDir(s.dir); err != nil || len(files) != 7 {
		t.Errorf("%v, %v", files, err)
	}
	if out, code = s.run("report", "--html", "-", "--offline"); code != 0 || !strings.HasPrefix(out, "<!DOCTYPE html>") || !strings.HasSuffix(out, "</html>\n") {
		t.Error(code, out)
	}
	if out, code = s.run("report", "--html", s.dir+"/none/page.html"); code != 1 || !strings.Contains(out, "none") {
		t.Error(code, out)
	}
	if out, code = s.run("report", "--since", "x"); code != 2 {
		t.Error(code, out)
	}
}

func TestARestoreIsRecordedOnAHostThatHasAHistory(t *testing.T) {
	s := newHostSession(t)
	s.withProfile("schedule: {every: 1h}")
	restore := func(args ...string) (string, int) {
		t.Helper()
		return s.run(append([]string{"restore", "-p", "app", "--target", s.dir + "/out"}, args...)...)
	}
	if out, code := s.run("run", "app", "--quiet", "--no-limit"); code != 0 {
		t.Fatal(code, out)
	}
	for _, c := range []struct {
		args []string
		code int
	}{{[]string{"latest"}, 0}, {[]string{"latest:none"}, 3}, {[]string{"latest", "--dry-run"}, 0}, {[]string{"latest", "--overwrite", "x"}, 2}} {
		if out, code := restore(c.args...); code != c.code {
			t.Error(code, out)
		}
	}
	if err := os.Rename(s.dir+"/repo", s.dir+"/away"); err != nil {
		t.Fatal(err)
	}
	if out, code := restore("latest"); code != 10 {
		t.Error(code, out)
	}
	if err := os.Rename(s.dir+"/away", s.dir+"/repo"); err != nil {
		t.Fatal(err)
	}
	runs, err := s.history().List(history.Filter{Profile: "app"})
	if err != nil || len(runs) != 3 {
		t.Fatal(len(runs), err)
	}
	if r := runs[1]; r.Op != report.ARestore || r.Code != 0 || r.Restored == nil || r.Restored.Snapshot != runs[0].Snapshot.ID || r.Restored.Files != 1 || r.Restored.FirstFile <= 0 || r.Restored.Done < r.Restored.FirstFile {
		t.Errorf("%+v", r)
	}
	if r := runs[2]; r.Op != report.ARestore || r.Code != 10 || r.Kind != report.NoRepository || !strings.Contains(r.Message, "no repository") {
		t.Errorf("%+v", r)
	}
	out, code := s.run("report")
	if code != 0 || !strings.Contains(out, "restores          1 of 2: 50.00 %, the goal is 100 %") || !strings.Contains(out, "restores in time  1 of 1 within 5:00 min") {
		t.Error(code, out)
	}
	s.env["STATE_DIRECTORY"] = s.dir + "/none"
	if out, code := restore("latest"); code != 0 {
		t.Error(code, out)
	}
	if _, err := os.Stat(s.dir + "/none"); !os.IsNotExist(err) {
		t.Error("a restore made a state directory:", err)
	}
}
