package job

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/internal/state"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
)

// Adopt gives a profile's versions of another host to the host of the profile and to this
// installation: see repo.Maintenance.Adopt. If the host is the profile's own, it takes over
// from other installations: of a machine that was replaced, or whose state directory was lost.
// Of the options it heeds Profile, State, DryRun, Warn, Schemes, Now, Rand and Getenv. No run
// of the profile is under way meanwhile; otherwise the error is ErrRunning.
func Adopt(ctx context.Context, o Options, from string) (adopted []repo.Adopted, err error) {
	if err := o.fill(); err != nil {
		return nil, exit.As(err, exit.ErrUsage)
	}
	dir, err := state.Open(o.State, o.Rand, o.Now)
	if err != nil {
		return nil, err
	}
	lock, err := dir.LockRun(o.Profile.Name)
	if _, busy := errors.AsType[*state.Busy](err); busy {
		return nil, exit.As(err, exit.ErrRunning)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Release() }() // it ends with the process at the latest
	c, secret, err := o.Profile.Connect(o.Getenv)
	if err != nil {
		return nil, exit.As(fmt.Errorf("profile %s: %w", o.Profile.Name, err), exit.ErrUsage)
	}
	c.Schemes, c.Warn = o.Schemes, o.Warn
	machine, _ := os.Hostname()
	host := o.Profile.Hostname(o.Getenv, machine)
	r, err := connect.Open(ctx, c, secret, repo.Options{Hostname: host, CacheDir: string(o.Profile.CacheDir), Now: o.Now, Warn: o.Warn})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return r.Maintenance().Adopt(ctx, repo.AdoptOptions{
		From: from, To: host, Profile: o.Profile.Name, ProfilePaths: o.Profile.Paths(), Installation: dir.Installation(), DryRun: o.DryRun,
	})
}
