package job

import (
	"context"
	"errors"
	"fmt"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/internal/history"
	"github.com/qsnap/qsnap/repo/report"
)

// Status says how profiles stand. The error tells what isn't as it should be: ErrOverdue if
// the last good version of a profile ended too long ago, and why a repository gave no answer.
// There is a Status all the same. No scheduler is believed: it is the repository that tells
// when the last good version ended.
func Status(ctx context.Context, o LookOptions) (report.Status, error) {
	l, err := newLooker(o)
	if err != nil {
		return report.Status{}, exit.As(err, exit.ErrUsage)
	}
	plans, err := l.plans()
	if err != nil {
		return report.Status{}, err
	}
	l.ask(ctx, false)
	if ctx.Err() != nil {
		return report.Status{}, ErrInterrupted
	}
	s := report.Status{Head: report.Head{MessageType: "host_status"}, Time: l.now, Host: l.hostname(), Profiles: []report.Standing{}}
	lives := l.lives()
	var wrong error
	for _, plan := range plans {
		runs, _ := l.records(history.Filter{Profile: plan.Profile, Last: lookRecent})
		standing := history.Stand(plan, l.looks[plan.Profile], runs, lives, l.now)
		s.Profiles = append(s.Profiles, standing)
		if err := l.looks[plan.Profile].Err; err != nil {
			wrong = errors.Join(wrong, exit.As(fmt.Errorf("%s: %w", plan.Profile, err), err))
		} else if standing.State == report.IsOverdue {
			wrong = errors.Join(wrong, exit.As(fmt.Errorf("%s is %s", plan.Profile, standing.Summary), ErrOverdue))
		}
	}
	for _, one := range lives {
		if !named(o.Profiles, one.Profile) {
			s.Others = append(s.Others, one)
		}
	}
	s.Summary, s.Good = history.Overall(s.Profiles)
	s.Service = o.service(ctx)
	return s, wrong
}

// service returns what the service does, if one answers. No other part of the status needs it.
func (o LookOptions) service(ctx context.Context) *report.Service {
	s, err := Host{State: o.State, Getenv: o.Getenv, Now: o.Now}.Queue(ctx)
	if err != nil {
		return nil
	}
	return &s
}

// lookRecent is how many of its newest runs tell how a profile stands.
const lookRecent = 100

// ErrOverdue means that the last good version of a profile ended too long ago, or that there
// is none.
var ErrOverdue = exit.ErrOverdue

// hostname returns the name of this host, as the profiles know it if they agree.
func (l *looker) hostname() string {
	name := ""
	for i, p := range l.o.Profiles {
		if n := p.Hostname(l.o.Getenv, l.host); i == 0 || n == name {
			name = n
		} else {
			return l.host
		}
	}
	if name == "" {
		return l.host
	}
	return name
}
