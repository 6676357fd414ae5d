package job

import (
	"context"
	"errors"
	"fmt"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/repo/report"
)

// replicate brings the replicas up to date. One that can't be is late.
func (x *running) replicate(ctx context.Context) (late error) {
	for _, l := range x.p.Replicas {
		if ctx.Err() != nil {
			return errors.Join(late, ctx.Err())
		}
		late = errors.Join(late, x.step("replicas", func() error {
			t, err := x.target(ctx, l, true)
			var r repo.ReplicateReport
			if err == nil {
				r, err = x.repo.Replicate(ctx, t, repo.ReplicateOptions{Progress: x.update})
			}
			x.noteCopy(l.String(), r.Bytes, err)
			return isLate("replica", l, err)
		}))
	}
	return late
}

// copy copies the versions of the profile to other repositories. One that lacks any is late.
func (x *running) copy(ctx context.Context) (late error) {
	for _, c := range x.p.Copies {
		if ctx.Err() != nil {
			return errors.Join(late, ctx.Err())
		}
		late = errors.Join(late, x.step("copies", func() error {
			bytes, err := x.copyTo(ctx, c)
			x.noteCopy(c.Repo.String(), bytes, err)
			return isLate("copy", c.Repo, err)
		}))
	}
	return late
}

func (x *running) copyTo(ctx context.Context, c profile.Copy) (bytes int64, err error) {
	to, secret, err := x.p.ConnectCopy(c, x.o.Getenv)
	if err != nil {
		return 0, err
	}
	x.configure(&to)
	o := repo.Options{Hostname: x.host, CacheDir: string(x.p.CacheDir), CacheMemory: x.sizes.CacheMemory, SpareCache: !x.o.NoLimit, Now: x.o.Now, Warn: x.unsafe}
	if x.pace != nil {
		o.Pace = x.pace
	}
	other, err := connect.Open(ctx, to, secret, o)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, other.Close()) }()
	versions, unreadable := x.repo.Snapshots(ctx, x.filter())
	r, err := x.repo.Copy(ctx, other.Repo, versions, repo.CopyOptions{Workers: x.sizes.Workers, Progress: func(p repo.CopyProgress) { x.update(p.Progress) }})
	return r.BytesStored, errors.Join(unreadable, err)
}

// isLate judges what kept a replica or copy from being brought up to date: the version is
// there all the same.
func isLate(what string, l profile.Location, err error) error {
	if err == nil {
		return nil
	}
	return exit.As(fmt.Errorf("%s %s is late: %w", what, l, err), exit.ErrBehind)
}

// noteCopy records what happened to a replica or copy. Of several times, the last counts.
func (x *running) noteCopy(location string, bytes int64, err error) {
	c := report.RunCopy{Location: location, Bytes: uint64(bytes)}
	if err != nil {
		c.Message = term.OneLine(err)
	}
	for i, earlier := range x.record.Copies {
		if earlier.Location == location {
			c.Bytes += earlier.Bytes
			x.record.Copies[i] = c
			return
		}
	}
	x.record.Copies = append(x.record.Copies, c)
}
