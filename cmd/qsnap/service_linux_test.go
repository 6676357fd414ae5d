package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/control"
	"github.com/qsnap/qsnap/internal/control/client"
	"github.com/qsnap/qsnap/internal/runlog"
	"github.com/qsnap/qsnap/repo/report"
)

// A heard service answers on its socket, and remembers what it was asked.
type heard struct {
	state string
	log   []string
}

func newHeard(t *testing.T) *heard {
	t.Helper()
	state, err := os.MkdirTemp("", "qsnap") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(state) })
	h := &heard{state: state}
	named := func(verb string) func(string) error {
		return func(name string) error {
			if name == "gone" {
				return errors.New("profile \"gone\" is gone")
			}
			h.log = append(h.log, verb+" "+name)
			return nil
		}
	}
	due := time.Date(2026, 11, 30, 15, 0, 0, 0, time.UTC)
	s, err := control.Serve(control.Options{Path: filepath.Join(state, client.SocketName), Log: slog.New(slog.DiscardHandler), Now: time.Now}, control.Verbs{
		Status: func() report.Service {
			s := report.NewService("1.0.0", 7, due, false)
			s.Running = append(s.Running, report.RunProgress{ID: "aa", Profile: "app", Trigger: report.BySchedule, Slot: due, Step: "snapshot", Done: 1, Total: 4, Unit: "bytes"})
			s.Queue = append(s.Queue, report.Queued{ID: "bb", Profile: "db", Position: 1, Trigger: report.ByRetry, Priority: 5, Slot: due, Failed: 2, Why: "1 of 1 runs are under way"})
			return s
		},
		Log: func(_ context.Context, name string, _ bool, to io.Writer) error {
			_, err := fmt.Fprintln(to, `{"time":"2026-11-30T15:00:01Z","level":"INFO","msg":"step","step":"snapshot"}`+"\n"+`{"time":"2026-11-30T15:00:02Z","level":"WARN","msg":"output","text":"a\u001b[31mb","of":"`+name+`"}`)
			return err
		},
		Run: func(r client.Run) (report.RunRequested, error) {
			h.log = append(h.log, fmt.Sprintf("run %+v", r))
			return report.NewRunRequested("cc", r.Profile, r.Level, r.Priority), nil
		},
		Move: func(m client.Change) error {
			h.log = append(h.log, fmt.Sprintf("move %s %t %t", m.Name, m.First, m.Priority != nil && *m.Priority == 9))
			return nil
		},
		Drop: named("drop"), Cancel: named("cancel"), Pause: named("pause"), Resume: named("resume"),
		Reload: func() error { return named("reload")("") },
		LogLevel: func(l client.LogLevel) error {
			h.log = append(h.log, fmt.Sprint("level ", l.Component, "=", l.Level))
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return h
}

// qsnap runs a command that finds the service in a state directory.
func qsnap(t *testing.T, state, line string) (out string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	env := map[string]string{"STATE_DIRECTORY": state, "HOME": state}
	p := &program{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, getenv: func(k string) string { return env[k] }}
	code = p.run(t.Context(), append([]string{"qsnap"}, strings.Fields(line)...))
	return stdout.String() + stderr.String(), code
}

func TestTheServiceIsAskedByCommands(t *testing.T) {
	t.Setenv("TZ", "UTC")
	h := newHeard(t)
	for _, c := range []struct{ line, prints, asks string }{
		{"run-now app --level full --priority 9", "app: run cc is queued at level full", "run {Profile:app Level:full Priority:9 NoLimit:false}"},
		{"run-now app --no-limit", "app: run cc is queued", "run {Profile:app Level: Priority:5 NoLimit:true}"},
		{"queue", "runs: snapshot, 25% of the bytes", ""},
		{"queue", "1 of 1 runs are under way (failed 2 times)", ""},
		{"queue --json", `"message_type":"service"`, ""},
		{"queue move db --first", "db was moved", "move db true false"},
		{"queue move db --priority 9", "db was moved", "move db false true"},
		{"queue drop db", "db was dropped", "drop db"},
		{"cancel app", "app ends", "cancel app"},
		{"pause", "all profiles paused", "pause "},
		{"pause app", "app paused", "pause app"},
		{"resume app", "app resumed", "resume app"},
		{"-p app pause", "app paused", "pause app"},
		{"logs -p app", "step snapshot", ""},
		{"reload", "the configuration was read again", "reload "},
		{"logs app", "step snapshot\n", ""},
		{"logs app", `warn: output of=app a\x1b[31mb`, ""},
		{"logs --json app", `"step":"snapshot"`, ""},
		{"logs --level dispatch=debug", "logs at dispatch=debug", "level dispatch=debug"},
	} {
		h.log = nil
		out, code := qsnap(t, h.state, c.line)
		if code != 0 || !strings.Contains(out, c.prints) {
			t.Errorf("%s: exit code %d: %s", c.line, code, out)
		}
		if got := strings.Join(h.log, "; "); got != c.asks {
			t.Errorf("%s: asked %q, want %q", c.line, got, c.asks)
		}
	}
}

func TestAStatusSaysWhatWaitsInTheService(t *testing.T) {
	s := report.NewService("1.0.0", 7, time.Time{}, true)
	s.Queue = append(s.Queue, report.Queued{Profile: "db", Position: 1, Why: "it must"})
	p := &program{}
	got := strings.Join(p.statusLines(report.Status{Service: &s}, false), "\n")
	if want := "! scheduled runs are paused: \"qsnap resume\" lets them start\n  db: waits in place 1: it must"; got != want {
		t.Errorf("%s", got)
	}
	if lines := p.statusLines(report.Status{}, false); len(lines) != 0 {
		t.Errorf("without a service: %q", lines)
	}
}

func TestWhatTheServiceCannotDoIsOneClearLine(t *testing.T) {
	h := newHeard(t)
	for _, c := range []struct {
		line, says string
		code       int
	}{
		{"cancel gone", `profile "gone" is gone`, exitFailed},
		{"cancel", "name one run or profile", exitUsage},
		{"pause a b", "is one too many", exitUsage},
		{"pause a -p b", "name one", exitUsage},
		{"run-now app --priority 10", "from 1 to 9", exitUsage},
		{"run-now app --level whole", "whole", exitUsage},
		{"queue move db", "--first or --priority", exitUsage},
		{"queue shuffle", "move and drop", exitUsage},
		{"reload app", "no arguments", exitUsage},
	} {
		out, code := qsnap(t, h.state, c.line)
		if code != c.code || strings.Count(out, "\n") != 1 || !strings.Contains(out, c.says) {
			t.Errorf("%s: exit code %d: %s", c.line, code, out)
		}
	}
	left := t.TempDir()
	l, err := runlog.Begin(filepath.Join(left, runlog.Dir), "app", "00ff")
	if err != nil {
		t.Fatal(err)
	}
	l.Info("step", "step", "prune")
	l.Close()
	for _, name := range []string{"app", "00ff"} { // a service that is gone leaves its logs
		if out, code := qsnap(t, left, "logs "+name); code != 0 || !strings.HasSuffix(out, "step prune\n") {
			t.Errorf("exit code %d: %s", code, out)
		}
	}
	if out, code := qsnap(t, left, "logs other"); code != exitFailed || !strings.Contains(out, `no log of a run or profile "other"`) {
		t.Errorf("exit code %d: %s", code, out)
	}
	out, code := qsnap(t, t.TempDir(), "queue")
	if code != exitFailed || !strings.Contains(out, "qsnapd is not running") || !strings.Contains(out, "qsnap run PROFILE") {
		t.Errorf("exit code %d: %s", code, out)
	}
}
