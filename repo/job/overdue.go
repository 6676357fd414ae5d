package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/qsnap/qsnap/internal/hook"
	"github.com/qsnap/qsnap/internal/state"
	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/repo/report"
)

// notified is the value of the state directory that says what the hooks of a profile know.
type notified struct {
	Overdue bool      `json:"overdue"`
	Since   time.Time `json:"since"`
}

// overduePrefix begins the names of these values. The name of the profile follows.
const overduePrefix = "overdue-"

// NotifyOverdue runs the on-overdue hooks of the profiles that have become overdue since the
// last call, and of those that no longer are. A profile whose repository gave no answer is
// left as it was. If a hook fails, the next call runs the hooks again.
func NotifyOverdue(ctx context.Context, o LookOptions, s report.Status) error {
	l, err := newLooker(o)
	if err != nil {
		return err
	}
	var failed error
	for _, p := range o.Profiles {
		for _, standing := range s.Profiles {
			if standing.Profile == p.Name && standing.State != report.IsUnreachable {
				failed = errors.Join(failed, l.notify(ctx, p, standing))
			}
		}
	}
	return failed
}

// notify runs the hooks of a profile if its state has changed. Of several processes, one
// does.
func (l *looker) notify(ctx context.Context, p profile.Profile, s report.Standing) error {
	lock, err := l.dir.Lock(overduePrefix + p.Name)
	if _, busy := errors.AsType[*state.Busy](err); busy {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = lock.Release() }() // it ends with the process at the latest
	var known notified
	if err := l.dir.ReadValue(overduePrefix+p.Name, &known); err != nil && !errors.Is(err, os.ErrNotExist) {
		l.warn(err) // then the hooks know nothing
	}
	is := s.State == report.IsOverdue
	if is == known.Overdue {
		return nil
	}
	for _, h := range p.Hooks.OnOverdue {
		if err := l.tell(ctx, p, commandOf(h), s); err != nil {
			return err
		}
	}
	return l.dir.WriteValue(overduePrefix+p.Name, notified{is, l.now})
}

// tell runs one hook.
func (l *looker) tell(ctx context.Context, p profile.Profile, c hook.Command, s report.Standing) error {
	input, err := json.Marshal(s)
	if err != nil {
		return err
	}
	env := hook.Environment(os.Environ(),
		hook.Variable{Name: "QSNAP_PROFILE", Value: p.Name}, hook.Variable{Name: "QSNAP_STEP", Value: "on-overdue"},
		hook.Variable{Name: "QSNAP_STATE", Value: string(s.State)}, hook.Variable{Name: "QSNAP_MESSAGE", Value: s.Summary})
	got, err := c.Run(ctx, hook.Call{Env: env, Input: input})
	if err != nil {
		return fmt.Errorf("%s: hook on-overdue: %s: %w%s", p.Name, term.Printable(c.String()), err, lastLine(got.Output))
	}
	return nil
}
