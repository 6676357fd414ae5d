package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/qsnap/qsnap/internal/dispatch"
	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/internal/history"
	"github.com/qsnap/qsnap/internal/runlog"
	"github.com/qsnap/qsnap/repo/report"
)

// stopTime is how long a run may take to end after it was asked to. It is killed then: the
// repository stays whole, and hooks that are owed are run by the next run.
const stopTime = time.Minute

// A runner makes each run in a process of its own: priority, memory and crashes are that
// run's alone. It tells the child what to run by a line of JSON on standard input, and gets
// lines of JSON back.
type runner struct {
	x     *service
	meter loadMeter

	mu   sync.Mutex
	runs map[string]report.RunProgress // by id
}

// An order is what a child gets to do: the first line of its standard input. A second line
// asks it to end.
type order struct {
	Config  string           `json:"config"`
	State   string           `json:"state"`
	Request dispatch.Request `json:"request"`
}

// A word is a line that a child prints: one of its members is set.
type word struct {
	Progress *report.RunProgress `json:"progress,omitempty"`
	Warning  string              `json:"warning,omitempty"`
	Run      *report.Run         `json:"run,omitempty"` // the last one
}

func newRunner(x *service) *runner {
	r := &runner{x: x, runs: map[string]report.RunProgress{}}
	r.meter.load() // what comes next is measured from here
	return r
}

// Load returns the part of the processors that is busy.
func (r *runner) Load() float64 { return r.meter.load() }

// Done asks the history, in which the runs of other processes are, too.
func (r *runner) Done(q dispatch.Request) bool {
	if !q.Slot.IsZero() {
		_, done := r.x.recorded().Slot(q.Profile, q.Slot)
		return done
	}
	list, err := r.x.recorded().List(history.Filter{Profile: q.Profile, Since: q.Due.Add(-24 * time.Hour)})
	if err != nil {
		r.x.log.Debug("history", "err", err)
	}
	return slices.ContainsFunc(list, func(run report.Run) bool {
		return run.ID == q.ID && run.Snapshot != nil && !run.Ended.After(time.Now())
	})
}

// Run makes a run in a child.
func (r *runner) Run(ctx context.Context, q dispatch.Request) (report.Run, error) {
	l, err := runlog.Begin(r.x.dir.Path(runlog.Dir), q.Profile, q.ID)
	if err != nil {
		r.x.log.Warn("a run has no log", "profile", q.Profile, "run", q.ID, "err", err)
	}
	defer l.Close()
	l.Info("run", "profile", q.Profile, "run", q.ID, "trigger", q.Trigger, "slot", q.Slot, "level", q.Level)
	r.note(report.RunProgress{ID: q.ID, Profile: q.Profile, Trigger: q.Trigger, Level: q.Level, Slot: q.Slot, Started: time.Now(), Updated: time.Now(), Step: "start"})
	defer r.forget(q.ID)
	run, err := r.child(ctx, q, l)
	if err != nil {
		l.Error("the run died", "err", err)
		return run, err
	}
	level := slog.LevelInfo
	if run.Code != exit.OK {
		level = slog.LevelError
	}
	l.Log(context.Background(), level, "end", "code", run.Code, "kind", run.Kind, "message", run.Message, "skipped", run.Skipped)
	return run, nil
}

// child starts the process, and returns the record that it prints last.
func (r *runner) child(ctx context.Context, q dispatch.Request, l *runlog.Log) (last report.Run, err error) {
	self, err := program()
	if err != nil {
		return last, err
	}
	text, err := json.Marshal(order{Config: r.x.config, State: r.x.state, Request: q})
	if err != nil {
		return last, err
	}
	var ended bool
	out := &lines{each: func(line []byte) {
		var w word
		switch err := json.Unmarshal(line, &w); {
		case err != nil:
			l.Warn("output", "text", string(line))
		case w.Progress != nil:
			r.heed(*w.Progress, l)
		case w.Warning != "":
			l.Warn("warning", "text", w.Warning)
		case w.Run != nil:
			last, ended = *w.Run, true
		}
	}}
	var end []byte // of what the child printed to standard error
	errs := &lines{each: func(line []byte) {
		end = slices.Clone(line)
		l.Error("output", "text", string(line))
	}}
	cmd := exec.Command(self, childArgument)
	cmd.Args[0] = os.Args[0] // for those who list processes
	apart(cmd)
	cmd.Env = slices.DeleteFunc(os.Environ(), ofService)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = out, errs, 5*time.Second
	in, err := cmd.StdinPipe()
	if err != nil {
		return last, err
	}
	if err := cmd.Start(); err != nil {
		return last, fmt.Errorf("start of a run: %w", err)
	}
	gone := make(chan struct{})
	defer close(gone)
	stop := context.AfterFunc(ctx, func() { askToEnd(cmd, in, context.Cause(ctx), gone) })
	defer stop()
	if _, err := in.Write(append(text, '\n')); err != nil {
		_ = cmd.Process.Kill() // it has ended already, or reads nothing
	}
	err = cmd.Wait()
	out.flush()
	errs.flush()
	if ended {
		return last, nil
	}
	return last, fmt.Errorf("the process of the run ended without a record: %w", errors.Join(cmp.Or(err, errSilent), printed(end)))
}

var errSilent = errors.New("it said nothing")

// printed returns what a process printed last as an error.
func printed(line []byte) error {
	if len(line) == 0 {
		return nil
	}
	return errors.New(string(bytes.TrimSpace(line)))
}

// askToEnd asks a child to end, and kills it if it isn't gone after a while.
func askToEnd(cmd *exec.Cmd, in io.Writer, why error, gone <-chan struct{}) {
	_, _ = fmt.Fprintln(in, why) // it may have ended
	select {
	case <-gone:
	case <-time.After(stopTime):
		_ = cmd.Process.Kill()
	}
}

// program returns the file that runs: also after another one was put in its place.
func program() (string, error) {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}

// ofService reports whether a variable is for the service, not for its children.
func ofService(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	return name == "NOTIFY_SOCKET" || name == "WATCHDOG_USEC" || name == "WATCHDOG_PID"
}

// heed notes how far a run has come, and logs its steps.
func (r *runner) heed(p report.RunProgress, l *runlog.Log) {
	r.mu.Lock()
	before := r.runs[p.ID].Step
	r.mu.Unlock()
	if p.Step != before {
		l.Info("step", "step", p.Step)
	}
	r.note(p)
}

func (r *runner) note(p report.RunProgress) {
	p.MessageType = "run_progress"
	r.mu.Lock()
	defer r.mu.Unlock()
	r.runs[p.ID] = p
}

func (r *runner) forget(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.runs, id)
}

func (r *runner) isRunning(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, is := r.runs[id]
	return is
}

// progress returns how far a run has come.
func (r *runner) progress(of dispatch.Running) report.RunProgress {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p, ok := r.runs[of.ID]; ok {
		return p
	}
	return report.RunProgress{ID: of.ID, Profile: of.Profile, Trigger: of.Trigger, Level: of.Level, Slot: of.Slot, Started: of.Started}
}

// lines calls a function for each line that is written. Longer lines come in pieces.
type lines struct {
	each func(line []byte)
	rest []byte
}

const longestLine = 1 << 20

// Write takes bytes.
func (l *lines) Write(b []byte) (int, error) {
	l.rest = append(l.rest, b...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		if i < 0 {
			break
		}
		l.each(l.rest[:i])
		l.rest = l.rest[i+1:]
	}
	if len(l.rest) > longestLine {
		l.flush()
	}
	return len(b), nil
}

// flush takes what has no end of line.
func (l *lines) flush() {
	if len(l.rest) > 0 {
		l.each(l.rest)
		l.rest = nil
	}
}
