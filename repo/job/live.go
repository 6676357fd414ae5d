package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/internal/governor"
	"github.com/qsnap/qsnap/internal/hook"
	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// keyExported is the beginning of the name of the value that says that the recovery sheet of a
// repository was printed on this host. The repository's id follows.
const keyExported = "key-exported-"

// KeyExported notes that the recovery sheet of a repository was printed.
func (h Host) KeyExported(repository string) error {
	d, err := h.open()
	if err != nil {
		return err
	}
	return d.WriteValue(keyExported+repository, d.Now())
}

// A warning is what should be looked at, though the profile would work.
type warning struct{ error }

// errSkipped is why a check is left out.
var errSkipped = errors.New("left out: something before it has to work first")

// CheckLive finds out, before a profile goes live, whether it would work on this machine: it
// calls say with one line for each check. It stores a trial version of a sample, restores it,
// compares it, and forgets it. The error tells what would not work.
func CheckLive(ctx context.Context, o Options, say func(report.LiveCheck)) error {
	x, err := begin(o)
	if err != nil {
		return exit.As(err, exit.ErrUsage)
	}
	var failed error
	opened := false
	need := func(do func(context.Context) (string, error)) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) {
			if !opened {
				return "", errSkipped
			}
			return do(ctx)
		}
	}
	for _, check := range []struct {
		name string
		do   func(context.Context) (string, error)
	}{
		{"sources", x.liveSources}, {"limits", x.liveLimits}, {"hooks", x.liveHooks}, {"repository", func(ctx context.Context) (string, error) {
			text, err := x.liveOpen(ctx)
			opened = err == nil
			return text, err
		}},
		{"target", need(x.liveTarget)}, {"room", need(x.liveRoom)}, {"clock", need(x.liveClock)}, {"key", need(x.liveKey)},
		{"replicas and copies", need(x.liveCopies)}, {"trial", need(x.liveTrial)},
	} {
		if ctx.Err() != nil {
			break
		}
		text, err := check.do(ctx)
		state := liveState(err)
		if err != nil {
			text = term.OneLine(err)
		}
		say(report.NewLiveCheck(x.p.Name, check.name, state, text))
		if state == report.LiveFailed {
			failed = errors.Join(failed, err)
		}
	}
	if err := x.close(ctx); err != nil {
		failed = errors.Join(failed, err)
	}
	if ctx.Err() != nil {
		return exit.As(ctx.Err(), exit.ErrInterrupted)
	}
	return failed
}

// liveState judges the error of a check.
func liveState(err error) report.LiveState {
	switch {
	case err == nil:
		return report.LiveOK
	case errors.Is(err, errSkipped):
		return report.LiveSkipped
	}
	if _, ok := errors.AsType[warning](err); ok {
		return report.LiveWarning
	}
	return report.LiveFailed
}

// liveSources opens each source.
func (x *running) liveSources(context.Context) (string, error) {
	var bad, empty error
	for _, path := range x.p.Paths() {
		f, err := os.Open(path)
		if err != nil {
			bad = errors.Join(bad, err)
			continue
		}
		info, err := f.Stat()
		if err == nil && info.IsDir() {
			_, err = f.Readdirnames(1)
		}
		if err == io.EOF {
			empty, err = errors.Join(empty, fmt.Errorf("%s is empty", path)), nil
		}
		bad = errors.Join(bad, err, f.Close())
	}
	if bad == nil && empty != nil {
		bad = warning{empty}
	}
	return term.Plural(len(x.p.Sources), "source can be read", "sources can be read"), bad
}

// liveLimits finds out whether this system can hold the limits.
func (x *running) liveLimits(context.Context) (string, error) {
	l := x.limits(x.o.Now())
	if err := governor.Refuse(l); err != nil {
		return "", err
	}
	return fmt.Sprintf("mode %s, %.4g%% of the processors, %.4g%% of the disk", l.Mode, 100*l.CPU, 100*l.IO), nil
}

// liveHooks looks for the programs of hooks, and for those that locations need.
func (x *running) liveHooks(context.Context) (string, error) {
	var bad error
	h := x.p.Hooks
	hooks := slices.Concat(h.Before, h.After, h.OnSuccess, h.OnFailure, h.OnOverdue)
	for _, one := range hooks {
		if err := commandOf(one).Find(); err != nil {
			bad = errors.Join(bad, fmt.Errorf("hook %s: %w", commandOf(one), err))
		}
	}
	for _, l := range x.locations() {
		if strings.HasPrefix(string(l.Connect()), "rclone:") {
			if _, err := exec.LookPath("rclone"); err != nil {
				bad = errors.Join(bad, err)
			}
		}
	}
	p, ok, err := x.pinger("")
	if err == nil && ok {
		err = p.Check()
	}
	for _, other := range []string{h.Ping.Start, h.Ping.Success, h.Ping.Failure} {
		if other != "" {
			err = errors.Join(err, hook.Pinger{URL: other}.Check())
		}
	}
	return term.Plural(len(hooks), "hook is", "hooks are") + " there, with the programs of targets", errors.Join(bad, err)
}

// locations returns where the profile stores something.
func (x *running) locations() []profile.Location {
	all := append([]profile.Location{x.p.Repo}, x.p.Replicas...)
	for _, c := range x.p.Copies {
		all = append(all, c.Repo)
	}
	return all
}

// liveOpen opens the repository, so the secret is the right one.
func (x *running) liveOpen(ctx context.Context) (string, error) {
	if err := x.open(ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s opens with the profile's secret", x.p.Repo), nil
}

// liveTarget writes to the target as "qsnap target check" does.
func (x *running) liveTarget(ctx context.Context) (string, error) {
	t := x.repo.Conn.Target
	speed, err := targettest.Measure(ctx, t)
	if err != nil {
		return "", err
	}
	findings := targettest.Survey(ctx, t, speed.SurveyLimit())
	for _, f := range findings {
		if f.Err != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", f.Clause, f.Err))
		}
	}
	return fmt.Sprintf("it can be written, and keeps %s", term.Plural(len(findings), "promise", "promises")), err
}

// liveRoom compares the sources with the space that is free, if there is no version yet.
func (x *running) liveRoom(ctx context.Context) (string, error) {
	versions, err := x.versions(ctx)
	if err != nil {
		return "", err
	}
	if len(versions) > 0 {
		return "there are " + term.Plural(len(versions), "version", "versions") + " already", nil
	}
	reporter, ok := target.As[target.SpaceReporter](x.repo.Conn.Target)
	if !ok {
		return "the target doesn't tell how much is free", nil
	}
	free, _, err := reporter.Space(ctx)
	if errors.Is(err, errors.ErrUnsupported) {
		return "the target doesn't tell how much is free", nil
	}
	if err != nil {
		return "", err
	}
	need := sizeOf(ctx, x.p.Paths())
	text := fmt.Sprintf("the sources have %s, and %s are free", term.Size(need), term.Size(free))
	if need > free {
		return "", warning{errors.New(text + ": the first version may not fit, unless rules leave much out or the data compresses well")}
	}
	return text, nil
}

// sizeOf returns the bytes of all files below some paths.
func sizeOf(ctx context.Context, paths []string) (n int64) {
	for _, path := range paths {
		_ = filepath.WalkDir(path, func(_ string, d os.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				if info, err := d.Info(); err == nil {
					n += info.Size()
				}
			}
			return ctx.Err()
		})
	}
	return n
}

// clockSlack is by how much two clocks may differ.
const clockSlack = 5 * time.Minute

// liveClock compares the clock with the versions that there are.
func (x *running) liveClock(ctx context.Context) (string, error) {
	now := x.o.Now()
	versions, err := x.versions(ctx)
	if err != nil {
		return "", err
	}
	newest := slices.MaxFunc(append(versions, &snapshot.Manifest{}), func(a, b *snapshot.Manifest) int { return a.End.Compare(b.End) })
	if newest.End.Sub(now) > clockSlack {
		return "", warning{fmt.Errorf("it is %s here, and the newest version ended at %s: one of the clocks is wrong", term.LocalTime(now), term.LocalTime(newest.End))}
	}
	return fmt.Sprintf("it is %s", term.LocalTime(now)), nil
}

// liveKey finds out whether the recovery sheet was printed on this host.
func (x *running) liveKey(context.Context) (string, error) {
	var at time.Time
	if err := x.dir.ReadValue(keyExported+x.repo.ID(), &at); err != nil {
		return "", warning{fmt.Errorf("no recovery sheet was printed on this host: \"qsnap -p %s key export\" prints one; keep it elsewhere", x.p.Name)}
	}
	return "its recovery sheet was printed on " + term.LocalTime(at), nil
}
