package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/internal/history"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
)

// lastGood returns the age of the newest good version that this host's history knows. A
// version of the future has no age.
func (x *running) lastGood() (age time.Duration, ok bool) {
	runs, err := x.history.List(history.Filter{Profile: x.p.Name, Last: lookBack})
	if err != nil {
		x.warn(err)
	}
	for i := len(runs) - 1; i >= 0; i-- {
		if t := runs[i].Snapshot; t != nil && t.Good {
			age = x.o.Now().Sub(runs[i].Ended)
			return age, age >= 0
		}
	}
	return 0, false
}

// lookBack is among how many of its newest runs a profile looks for the last good one.
const lookBack = 500

// open opens the repository of the profile. It makes none.
func (x *running) open(ctx context.Context) error {
	c, s, err := x.p.Connect(x.o.Getenv)
	if err != nil {
		return exit.As(err, exit.ErrUsage)
	}
	x.configure(&c)
	o := repo.Options{Hostname: x.host, CacheDir: string(x.p.CacheDir), CacheMemory: x.sizes.CacheMemory, SpareCache: !x.o.NoLimit, Now: x.o.Now, Warn: x.unsafe}
	if x.pace != nil {
		o.Pace = x.pace
	}
	if x.p.CacheSize != nil {
		o.CacheSize = new(int64(*x.p.CacheSize))
	}
	for _, l := range x.p.Replicas {
		o.Replicas = append(o.Replicas, repo.Replica{Name: l.String(), Open: func(ctx context.Context) (target.Target, error) {
			return x.target(ctx, l, false)
		}})
	}
	x.repo, err = connect.Open(ctx, c, s, o)
	if errors.Is(err, repo.ErrNoRepository) {
		return fmt.Errorf("%w: is a disk not mounted? \"qsnap init -p %s\" makes a new repository", err, x.p.Name)
	}
	return err
}

// configure adds to a configuration what the run gives to all of them.
func (x *running) configure(c *connect.Config) {
	c.Schemes, c.Warn, c.Waiting = x.o.Schemes, x.warn, x.waiting
	if x.o.NoLimit {
		c.UploadRate, c.DownloadRate = 0, 0
		return
	}
	l := at(x.p.Limits, x.o.Now())
	c.UploadRate, c.DownloadRate = lower(c.UploadRate, int64(l.Upload)), lower(c.DownloadRate, int64(l.Download))
}

// target opens the target of a replica. The run closes it.
func (x *running) target(ctx context.Context, l profile.Location, create bool) (target.Target, error) {
	c, err := x.p.ConnectReplica(l, x.o.Getenv)
	if err != nil {
		return nil, err
	}
	x.configure(&c)
	c.Create = create
	conn, err := connect.Target(ctx, c)
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.conns = append(x.conns, conn)
	return conn.Target, nil
}

// filter selects the versions of the profile.
func (x *running) filter() repo.Filter {
	return repo.Filter{Hostname: x.host, Profile: x.p.Name, ProfilePaths: x.p.Paths()}
}

// versions returns the versions of the profile, without those that can't be read.
func (x *running) versions(ctx context.Context) ([]*snapshot.Manifest, error) {
	versions, err := x.repo.Snapshots(ctx, x.filter())
	if err != nil && ctx.Err() == nil {
		x.warn(err) // of single manifests
		err = nil
	}
	return versions, err
}

// snapshot takes the version.
func (x *running) snapshot(ctx context.Context) error {
	if err := x.open(ctx); err != nil {
		return err
	}
	o, err := x.p.SnapshotOptions(ctx)
	if err != nil {
		return exit.As(fmt.Errorf("profile %s: %w", x.p.Name, err), exit.ErrUsage)
	}
	versions, err := x.versions(ctx)
	if err != nil {
		return err
	}
	if m := x.ofSlot(versions); m != nil {
		return x.take(m, nil)
	}
	if err := x.settings(&o, versions); err != nil {
		return err
	}
	return x.take(x.repo.Snapshot(ctx, repo.Paths(x.p.NamedPaths()...), o))
}

// ofSlot returns the version that a run made for the slot and died before it had a record.
// This run then does what that one had left to do. A version that ends later than now
// doesn't count, as the clock was set back since.
func (x *running) ofSlot(versions []*snapshot.Manifest) *snapshot.Manifest {
	i := slices.IndexFunc(versions, func(m *snapshot.Manifest) bool {
		j := m.Job
		return j.Profile == x.p.Name && j.Slot.Equal(x.record.Slot) && j.Installation == x.dir.Installation() && !m.End.After(x.o.Now())
	})
	if !x.o.Scheduled || i < 0 {
		return nil
	}
	return versions[i]
}

// take notes a version as that of the run.
func (x *running) take(m *snapshot.Manifest, err error) error {
	if err == nil && !m.Good() {
		err = repo.ErrIncomplete
	}
	none, end := exit.OfSnapshot(m, err)
	if none != nil {
		return none
	}
	x.taken = m
	x.record.Level = m.Level.String()
	x.record.Snapshot = takenOf(m)
	return errors.Join(end, x.damage)
}

// settings sets what a run knows of its version.
func (x *running) settings(o *repo.SnapshotOptions, versions []*snapshot.Manifest) (err error) {
	x.first.Store(len(versions) == 0)
	o.Hostname, o.Progress, o.Workers = x.host, x.capturing, x.sizes.Workers
	o.Job = snapshot.Job{Profile: x.p.Name, Slot: x.record.Slot, Installation: x.dir.Installation(), Settings: x.p.Settings()}
	x.warnOfOthers(versions)
	if x.o.Level != nil {
		o.Level = *x.o.Level
	} else if o.Level, err = levelOf(x.p, x.levels, x.record.Slot, versions); err != nil {
		return exit.As(err, exit.ErrUsage)
	}
	if dir := x.p.Repo.Connect().Directory(); dir != "" {
		o.Avoid = append(o.Avoid, dir)
	}
	x.progress(func(p *report.RunProgress) { p.Level = o.Level.String() })
	return nil
}

// capturing shows how far the snapshot has come, and what could not be read.
func (x *running) capturing(u repo.SnapshotProgress) {
	switch {
	case u.Problem != nil:
		x.warn(u.Problem)
	case u.Notice != nil:
		if errors.Is(u.Notice, repo.ErrDamaged) {
			x.damage = exit.As(errors.New("other versions are damaged: \"qsnap check --read-data\" names the affected files"), exit.ErrDamage)
		}
		x.warn(u.Notice)
	default:
		x.progress(func(p *report.RunProgress) {
			p.Phase, p.Done, p.Total, p.Unit, p.Current = string(u.Phase), int64(u.Stats.Bytes), u.Total, string(repo.UnitBytes), u.Current
		})
	}
}

// takenOf returns what the record says of a version.
func takenOf(m *snapshot.Manifest) *report.RunTaken {
	s := m.Stats
	t := &report.RunTaken{
		ID: m.ID, Good: m.Good(), Unread: m.Unread.Files + m.Unread.Dirs, Files: s.Files, Bytes: s.Bytes, Read: s.BytesRead,
		New: s.DataAdded + s.TreeAdded, Stored: s.DataStored + s.TreeStored + s.IndexStored,
		Verified: s.Verified, Healed: s.Healed,
	}
	for _, missing := range m.Missing {
		t.Missing = append(t.Missing, missing.Path)
	}
	return t
}

// close closes the repository. First it repairs what had to be read from replicas.
func (x *running) close(ctx context.Context) (err error) {
	if x.repo != nil {
		if objects := x.repo.Maintenance().Served(); len(objects) > 0 && ctx.Err() == nil {
			x.heal(ctx, objects)
		}
		err = x.repo.Close()
	}
	for _, c := range x.conns {
		err = errors.Join(err, c.Close())
	}
	return err
}

// heal repairs objects of the repository from the first replica that can.
func (x *running) heal(ctx context.Context, objects []string) {
	for _, l := range x.p.Replicas {
		t, err := x.target(ctx, l, false)
		if err == nil {
			_, err = x.repo.Maintenance().Heal(ctx, t, repo.HealOptions{Suspects: objects})
		}
		if err == nil {
			x.warn(fmt.Errorf("%d objects could not be read in the repository: they were repaired from %s", len(objects), l))
			return
		}
		x.warn(fmt.Errorf("%d objects could not be read in the repository: repair from %s: %w", len(objects), l, err))
	}
}
