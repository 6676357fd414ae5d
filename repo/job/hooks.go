package job

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/internal/hook"
	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/repo/report"
)

// errRequired means that a hook failed without which the run makes no sense.
var errRequired = errors.New("the profile requires it: no version was made")

// commandOf returns a hook as it is run.
func commandOf(h profile.Hook) hook.Command {
	return hook.Command{Args: h.Command, Shell: h.Shell, Timeout: time.Duration(h.Timeout)}
}

// before runs the hooks before the snapshot. From now on, the hooks after it are owed.
func (x *running) before(ctx context.Context) error {
	if err := x.owe(); err != nil {
		return fmt.Errorf("hooks before the snapshot did not run: %w", err)
	}
	var failed error
	for _, h := range x.p.Hooks.Before {
		err := x.runHook(ctx, "before", commandOf(h))
		if err != nil && h.Required {
			return errors.Join(failed, fmt.Errorf("%w: %w", err, errRequired))
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// after runs the hooks after the snapshot, whatever became of it.
func (x *running) after(ctx context.Context) error {
	var failed error
	for _, h := range x.p.Hooks.After {
		failed = errors.Join(failed, x.runHook(context.WithoutCancel(ctx), "after", commandOf(h)))
	}
	x.paid()
	return failed
}

// farewell runs the hooks at the end of a run, and reports whether there were any. They
// change nothing about the outcome.
func (x *running) farewell(ctx context.Context) bool {
	name, hooks := "on-failure", x.p.Hooks.OnFailure
	if succeeded(x.record.Code) {
		name, hooks = "on-success", x.p.Hooks.OnSuccess
	}
	for _, h := range hooks {
		if err := x.runHook(ctx, name, commandOf(h)); err != nil {
			x.warn(err)
		}
	}
	return len(hooks) > 0
}

// succeeded reports whether an exit code means that the run has made a good version. Units
// that qsnap installs have the same codes as SuccessExitStatus.
func succeeded(code int) bool { return code == exit.OK || code == exit.Partial || code == exit.Behind }

// runHook runs a hook as a step.
func (x *running) runHook(ctx context.Context, step string, c hook.Command) error {
	var got hook.Result
	err := x.step(step, func() error {
		input, err := json.Marshal(x.record)
		if err != nil {
			return err
		}
		call := hook.Call{Env: x.environment(step), Input: input, Start: x.o.Process.start()}
		if got, err = c.Run(ctx, call); err != nil {
			return fmt.Errorf("hook %s: %s: %w%s", step, term.Printable(c.String()), err, lastLine(got.Output))
		}
		return nil
	})
	s := &x.record.Steps[len(x.record.Steps)-1]
	s.Output = got.Output
	if got.Lost > 0 {
		s.Output = fmt.Sprintf("[%d bytes before this are left out]\n%s", got.Lost, got.Output)
	}
	return err
}

// lastLine returns the last line that a hook has printed, for its error.
func lastLine(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return ": " + term.Printable(last)
	}
	return ""
}

// environment returns the environment of a hook.
func (x *running) environment(step string) []string {
	about := []hook.Variable{
		{Name: "QSNAP_PROFILE", Value: x.p.Name}, {Name: "QSNAP_STEP", Value: step}, {Name: "QSNAP_RUN", Value: x.record.ID},
		{Name: "QSNAP_EXIT", Value: strconv.Itoa(x.record.Code)}, {Name: "QSNAP_MESSAGE", Value: x.record.Message},
		{Name: "QSNAP_LEVEL", Value: x.record.Level}, {Name: "QSNAP_SNAPSHOT"},
	}
	if x.record.Snapshot != nil {
		about[len(about)-1].Value = x.record.Snapshot.ID.String()
	}
	return hook.Environment(x.o.Environ(), about...)
}

// pinger returns what pings a URL, if the profile has one.
func (x *running) pinger(other string) (hook.Pinger, bool, error) {
	p := hook.Pinger{URL: x.p.Hooks.Ping.URL, Patience: time.Duration(x.p.Hooks.Ping.Timeout)}
	if file := string(x.p.Hooks.Ping.URLFile); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return p, false, fmt.Errorf("hooks.ping.url-file: %w", err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		p.URL = strings.TrimSpace(first)
	}
	if other != "" {
		p.URL, p.Exact = other, true
	}
	return p, p.URL != "", nil
}

// pingStart says that the run has begun, beside the run. The function that it returns says how
// the run has ended.
func (x *running) pingStart(ctx context.Context) (end func()) {
	urls := x.p.Hooks.Ping
	started := make(chan error, 1)
	go func() {
		started <- x.ping(urls.Start, func(p hook.Pinger) error { return p.Start(ctx, pingID(x.record.ID)) })
	}()
	return func() {
		if err := <-started; err != nil {
			x.warn(err)
		}
		if ctx.Err() == nil {
			if err := x.pingEnd(ctx); err != nil {
				x.warn(err)
			}
		}
	}
}

// pingEnd says how the run has ended.
func (x *running) pingEnd(ctx context.Context) error {
	urls, r := x.p.Hooks.Ping, x.record
	body := ""
	if urls.Body == nil || *urls.Body {
		body = bodyOf(r)
	}
	if succeeded(r.Code) {
		return x.ping(urls.Success, func(p hook.Pinger) error { return p.Success(ctx, pingID(r.ID), body) })
	}
	return x.ping(urls.Failure, func(p hook.Pinger) error {
		p.ExitCodes = true
		return p.Fail(ctx, pingID(r.ID), r.Code, body)
	})
}

// ping pings a URL: the other one if it is given.
func (x *running) ping(other string, send func(hook.Pinger) error) error {
	p, ok, err := x.pinger(other)
	if err != nil || !ok {
		return err
	}
	return send(p)
}

// bodyOf returns the record of a run as it is sent along with a ping: its message, and its
// JSON without what hooks have printed, which may be secret.
func bodyOf(r report.Run) string {
	r.Steps = append([]report.RunStep(nil), r.Steps...)
	for i := range r.Steps {
		r.Steps[i].Output = ""
	}
	text, err := json.Marshal(r)
	if err != nil {
		return r.Message
	}
	return string(text)
}

// pingID returns the id of a run as a UUID, which is what servers take.
func pingID(run string) string {
	b := sha256.Sum256([]byte("qsnap run " + run))
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
