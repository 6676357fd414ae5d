package job

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
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

// LookOptions say which profiles are looked at, and how.
type LookOptions struct {
	Profiles []profile.Profile
	// State is the state directory. Empty is the user's.
	State string
	// Patience is how long a repository may take to answer. 0 is 30 s.
	Patience time.Duration
	// Offline asks no repository: what is known is from the records.
	Offline bool
	// Overdue is the age from which the last good version counts as overdue, instead of what
	// each profile says.
	Overdue time.Duration
	// Since is where a report begins. Zero is 7 days ago.
	Since time.Time

	// Warn is called with what should be looked at, by one goroutine at a time. Nil ignores it.
	Warn func(error)
	// Schemes, Now, Rand and Getenv are as in Options.
	Schemes map[string]connect.Scheme
	Now     func() time.Time
	Rand    io.Reader
	Getenv  func(string) string
}

// defaultPatience is how long a repository may take to answer.
const defaultPatience = 30 * time.Second

// A looker finds out what is known of some profiles.
type looker struct {
	o       LookOptions
	now     time.Time
	host    string // this machine's
	dir     *state.Dir
	history *history.History

	mu    sync.Mutex // guards what follows, and calls of Warn
	looks map[string]history.Look
	// By location of the repositories that have answered.
	stores map[string]history.Store
	all    map[string][]*snapshot.Manifest
}

func newLooker(o LookOptions) (*looker, error) {
	rest := Options{State: o.State, Now: o.Now, Rand: o.Rand, Getenv: o.Getenv, Warn: o.Warn}
	if err := rest.fill(); err != nil {
		return nil, err
	}
	o.State, o.Now, o.Rand, o.Getenv, o.Warn = rest.State, rest.Now, rest.Rand, rest.Getenv, rest.Warn
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Patience == 0 {
		o.Patience = defaultPatience
	}
	dir, err := state.Open(o.State, o.Rand, o.Now)
	if err != nil {
		return nil, err
	}
	machine, _ := os.Hostname()
	return &looker{
		o: o, now: o.Now(), host: machine, dir: dir, history: history.Open(dir),
		looks: map[string]history.Look{}, stores: map[string]history.Store{}, all: map[string][]*snapshot.Manifest{},
	}, nil
}

// plan returns what a profile promises.
func (l *looker) plan(p profile.Profile) (history.Plan, error) {
	due, err := p.Schedule.Due()
	if err != nil {
		return history.Plan{}, fmt.Errorf("profile %s: schedule: %w", p.Name, err)
	}
	plan := history.Plan{Profile: p.Name, Repository: p.Repo.String(), Wanted: max(0, p.Retention.KeepLast), Paused: p.Paused, Overdue: l.o.Overdue}
	if plan.Overdue == 0 {
		plan.Overdue = p.OverdueAfter(l.now)
	}
	if !due.IsZero() {
		plan.Schedule, plan.Calendar, plan.Jitter = due.String(), due, p.Schedule.After(due, p.Hostname(l.o.Getenv, l.host), p.Name)
	}
	return plan, nil
}

// plans returns what all profiles promise.
func (l *looker) plans() (plans []history.Plan, err error) {
	for _, p := range l.o.Profiles {
		plan, err := l.plan(p)
		if err != nil {
			return nil, exit.As(err, exit.ErrUsage)
		}
		plans = append(plans, plan)
	}
	return plans, nil
}

// A door is a repository and the secret that opens it.
type door struct {
	location string
	secret   profile.Secret
}

// An answer is what a repository has told.
type answer struct {
	err      error
	versions map[string][]*snapshot.Manifest // by profile
	store    history.Store                   // zero if it was not measured
	all      []*snapshot.Manifest
}

// ask asks the repositories of all profiles, each for as long as the patience lasts. Whoever
// has not answered by then is left alone, even if it can't be interrupted.
func (l *looker) ask(ctx context.Context, measure bool) {
	if l.o.Offline {
		return
	}
	doors := map[door][]profile.Profile{}
	for _, p := range l.o.Profiles {
		d := door{p.Repo.String(), p.Secret}
		doors[d] = append(doors[d], p)
	}
	var all sync.WaitGroup
	for d, profiles := range doors {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, l.o.Patience)
			defer cancel()
			answered := make(chan answer, 1)
			go func() { answered <- l.askOne(ctx, d.location, profiles, measure) }()
			var got answer
			select {
			case got = <-answered:
			case <-ctx.Done():
				got.err = ctx.Err()
			}
			if got.err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
				got.err = exit.As(fmt.Errorf("%s: no answer within %s", d.location, l.o.Patience), connect.ErrUnreachable)
			}
			l.learn(d.location, profiles, got)
		})
	}
	all.Wait()
}

// learn keeps what a repository has told.
func (l *looker) learn(location string, profiles []profile.Profile, a answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range profiles {
		l.looks[p.Name] = history.Look{Asked: true, Err: a.err, Versions: a.versions[p.Name]}
	}
	if a.store.Asked {
		l.stores[location], l.all[location] = a.store, a.all
	}
}

// askOne asks a repository for the versions of its profiles.
func (l *looker) askOne(ctx context.Context, location string, profiles []profile.Profile, measure bool) (a answer) {
	r, err := l.open(ctx, profiles[0])
	if err != nil {
		return answer{err: err}
	}
	defer r.Close()
	a.versions = map[string][]*snapshot.Manifest{}
	for _, p := range profiles {
		versions, err := r.Snapshots(ctx, repo.Filter{Hostname: p.Hostname(l.o.Getenv, l.host), Profile: p.Name, ProfilePaths: p.Paths()})
		if ctx.Err() != nil {
			return answer{err: ctx.Err()}
		}
		if err != nil && len(versions) == 0 {
			return answer{err: err}
		}
		if err != nil {
			l.warn(fmt.Errorf("%s: %w", p.Name, err)) // of single manifests
		}
		a.versions[p.Name] = versions
	}
	if measure {
		if a.store, a.all, err = l.measure(ctx, r, location); err != nil {
			l.warn(fmt.Errorf("%s: %w", location, err))
		}
	}
	return a
}

// open opens the repository of a profile.
func (l *looker) open(ctx context.Context, p profile.Profile) (*connect.Repo, error) {
	c, s, err := p.Connect(l.o.Getenv)
	if err != nil {
		return nil, exit.As(err, exit.ErrUsage)
	}
	c.Schemes, c.Warn = l.o.Schemes, func(error) {}
	o := repo.Options{Hostname: p.Hostname(l.o.Getenv, l.host), CacheDir: string(p.CacheDir), Now: l.o.Now}
	if p.CacheSize != nil {
		o.CacheSize = new(int64(*p.CacheSize))
	}
	return connect.Open(ctx, c, s, o)
}

func (l *looker) warn(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.o.Warn(err)
}

// lives returns the runs that show how far they have come.
func (l *looker) lives() (lives []report.LiveRun) {
	all, err := l.dir.Lives()
	if err != nil {
		l.warn(err)
	}
	for _, one := range all {
		lives = append(lives, report.LiveRun{RunProgress: one.RunProgress, Dead: one.Dead})
	}
	return lives
}

// records returns runs, and what can't be read of the history.
func (l *looker) records(f history.Filter) (runs []report.Run, unreadable []string) {
	runs, err := l.history.List(f)
	if err == nil {
		return runs, nil
	}
	for _, part := range parts(err) {
		unreadable = append(unreadable, part.Error())
		l.warn(part)
	}
	return runs, unreadable
}

// parts returns the errors that were joined.
func parts(err error) []error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()
	}
	return []error{err}
}

// named reports whether one of the profiles has a name.
func named(profiles []profile.Profile, name string) bool {
	return slices.ContainsFunc(profiles, func(p profile.Profile) bool { return p.Name == name })
}
