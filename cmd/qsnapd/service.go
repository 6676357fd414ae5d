package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/qsnap/qsnap/internal/control"
	"github.com/qsnap/qsnap/internal/control/client"
	"github.com/qsnap/qsnap/internal/dispatch"
	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/internal/history"
	"github.com/qsnap/qsnap/internal/runlog"
	"github.com/qsnap/qsnap/internal/state"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/job"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/repo/report"
)

// A service is a running qsnapd.
type service struct {
	settings
	dir     *state.Dir
	levels  *levels
	log     *slog.Logger
	book    *book // what was logged
	notify  notifier
	started time.Time
	runner  *runner
	d       *dispatch.Dispatcher
	loaded  *profile.Set // the configuration in use
}

// savedName is the value of the state directory with what outlives the service.
const savedName = "service"

// lockName is the lock of the state directory that one service holds.
const lockName = "qsnapd"

// serve runs the service until ctx ends.
func serve(ctx context.Context, s settings, stderr io.Writer) error {
	dir, err := state.Open(s.state, rand.Reader, time.Now)
	if err != nil {
		return exit.As(err, exit.ErrFailed)
	}
	lock, err := dir.Lock(lockName)
	if b, ok := errors.AsType[*state.Busy](err); ok {
		return busy(s.state, b)
	} else if err != nil {
		return exit.As(err, exit.ErrFailed)
	}
	defer func() { _ = lock.Release() }() // it ends with the process at the latest

	x := &service{settings: s, dir: dir, started: time.Now(), book: &book{}, levels: newLevels(), notify: newNotifier(os.Getenv)}
	x.log = x.levels.logger(io.MultiWriter(stderr, x.book), s.logJSON)
	if x.config, err = profile.Locate(os.Getenv, s.config); err != nil {
		return exit.As(err, exit.ErrUsage)
	}
	jobs, service, err := x.load(false)
	if err != nil {
		return exit.As(err, exit.ErrUsage)
	}
	x.runner = newRunner(x)
	x.d = dispatch.New(jobs, x.options(service))
	c, err := control.Serve(control.Options{
		Path: dir.Path(client.SocketName), Group: service.Socket.Group, Log: x.log.With("component", "control"), Now: time.Now,
	}, x.verbs())
	if err == nil {
		defer c.Close()
	} else { // profiles run all the same
		x.log.Error("nobody can ask the service", "component", "control", "err", err)
	}
	return x.live(ctx)
}

// options are those of the dispatcher.
func (x *service) options(s profile.Service) dispatch.Options {
	log := x.log.With("component", "dispatch")
	o := dispatch.Options{
		Runner: x.runner, Now: time.Now, Elapsed: func() time.Duration { return time.Since(x.started) }, Random: mathrand.Float64,
		NewID:    func() string { return x.newID() },
		Parallel: s.Parallel.Host, PerRepository: s.Parallel.Repository,
		Save: func(v dispatch.Saved) error { return x.dir.WriteValue(savedName, v) },
		Turn: func() { x.notify.send("WATCHDOG=1") },
		Log:  log,
	}
	if err := x.dir.ReadValue(savedName, &o.Saved); err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("the queue of the last service is lost", "err", err)
		o.Saved = dispatch.Saved{}
	}
	return o
}

func (x *service) newID() string {
	id, err := x.dir.NewID()
	if err != nil { // there is no randomness: the clock tells runs of one host apart
		return fmt.Sprintf("%016x", time.Now().UnixNano())
	}
	return id
}

// live runs the dispatcher until ctx ends, and heeds SIGHUP.
func (x *service) live(ctx context.Context) error {
	reloads := make(chan os.Signal, 1)
	stop := onReload(reloads)
	defer stop()
	var parts sync.WaitGroup
	parts.Go(func() { x.d.Run(ctx) })
	parts.Go(func() { x.payOwed(ctx) })
	x.log.Info("the service is ready", "version", repo.Version, "config", x.config, "state", x.state, "profiles", len(x.d.Status().Profiles))
	x.notify.send("READY=1")
	for {
		select {
		case <-reloads:
			_ = x.reload() // it is logged
		case <-ctx.Done():
			x.log.Info("the service stops", "running", len(x.d.Status().Running))
			x.notify.send("STOPPING=1")
			parts.Wait()
			x.log.Info("the service has stopped")
			return nil
		}
	}
}

// payOwed runs the hooks that earlier runs owe: the machine may have gone down under them.
func (x *service) payOwed(ctx context.Context) {
	log := x.log.With("component", "hooks")
	err := job.PayOwed(ctx, job.Options{State: x.state, Warn: func(err error) { log.Warn("owed hooks", "problem", err) }})
	if err != nil && ctx.Err() == nil {
		log.Error("hooks that earlier runs owe", "err", err)
	}
}

// load reads the configuration. Profiles that can't be used are logged and left out. A strict
// load fails if there is one, and changes nothing then.
func (x *service) load(strict bool) ([]dispatch.Job, profile.Service, error) {
	set, err := profile.Load(x.config, os.Getenv)
	if err != nil {
		return nil, profile.Service{}, fmt.Errorf("%w: \"qsnap config example\" prints one, --config names it", err)
	}
	var wrong profile.Problems
	for _, p := range set.Problems() {
		level := slog.LevelWarn
		if !p.Warning {
			level, wrong = slog.LevelError, append(wrong, p)
		}
		x.log.Log(context.Background(), level, "configuration", "problem", p.Error())
	}
	if len(wrong) > 0 && (strict || len(set.Names()) == 0) {
		return nil, profile.Service{}, wrong
	}
	var jobs []dispatch.Job
	for _, name := range set.Names() {
		p, err := set.Get(name)
		if err != nil {
			x.log.Error("a profile can't be used: it does not run", "profile", name)
			continue
		}
		j, err := jobOf(p)
		if err != nil {
			x.log.Error("a profile can't be used: it does not run", "profile", name, "err", err)
			continue
		}
		jobs = append(jobs, j)
	}
	s := set.Service()
	if err := x.levels.set(s.LogLevel, s.LogLevels, x.logLevel); err != nil {
		return nil, s, err
	}
	x.loaded = set
	return jobs, s, nil
}

// reload reads the configuration again. Runs that are under way go on.
func (x *service) reload() error {
	x.notify.reloading()
	defer x.notify.send("READY=1")
	jobs, service, err := x.load(true)
	if err != nil {
		x.log.Error("the configuration was not read again: the old one stays in use", "err", err)
		return err
	}
	x.d.SetParallel(service.Parallel.Host, service.Parallel.Repository)
	x.d.Reload(jobs)
	x.log.Info("the configuration was read again", "profiles", len(jobs))
	return nil
}

// verbs are what the control socket lets one do.
func (x *service) verbs() control.Verbs {
	named := func(do func(string) error) func(string) error {
		return func(name string) error { return unknown(do(name)) }
	}
	return control.Verbs{
		Status: x.status,
		Log:    x.copyLog,
		Run: func(r client.Run) (report.RunRequested, error) {
			id, err := x.d.Enqueue(r.Profile, r.Level, r.Priority, r.NoLimit)
			return report.NewRunRequested(id, r.Profile, r.Level, r.Priority), unknown(err)
		},
		Move: func(c client.Change) error { return unknown(x.d.Move(c.Name, c.First, c.Priority)) },
		Drop: named(x.d.Drop), Cancel: named(x.d.Cancel), Pause: named(x.d.Pause), Resume: named(x.d.Resume),
		Reload:   x.reload,
		LogLevel: func(l client.LogLevel) error { return x.levels.change(l.Component, l.Level) },
	}
}

// unknown marks the errors about what isn't there for the socket.
func unknown(err error) error {
	if errors.Is(err, dispatch.ErrUnknown) {
		return exit.As(err, control.ErrUnknown)
	}
	return err
}

// status returns what the service does.
func (x *service) status() report.Service {
	s := x.d.Status()
	out := report.NewService(repo.Version, os.Getpid(), x.started, s.Paused)
	out.Profiles, out.Queue = append(out.Profiles, s.Profiles...), append(out.Queue, s.Queue...)
	for _, r := range s.Running {
		out.Running = append(out.Running, x.runner.progress(r))
	}
	return out
}

// copyLog copies the log of a run or profile, or with "" that of the service.
func (x *service) copyLog(ctx context.Context, name string, follow bool, to io.Writer) error {
	if name == "" {
		return x.book.copy(ctx, follow, to)
	}
	path, err := runlog.Find(x.dir.Path(runlog.Dir), name)
	if _, none := errors.AsType[*runlog.NoLog](err); none {
		err = exit.As(err, control.ErrUnknown)
	}
	if err != nil {
		return err
	}
	var goesOn func() bool
	if id := runlog.ID(path); follow {
		goesOn = func() bool { return x.runner.isRunning(id) }
	}
	return runlog.Copy(ctx, path, goesOn, to)
}

// recorded returns the history, in which runs of other processes are, too.
func (x *service) recorded() *history.History { return history.Open(x.dir) }
