package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/internal/hook"
	"github.com/qsnap/qsnap/internal/state"
	"github.com/qsnap/qsnap/repo/report"
)

// An owed is what a run has promised to run after its snapshot. It is a value of the state
// directory from the moment before the first hook begins until the last one after the
// snapshot has ended.
type owed struct {
	Profile string         `json:"profile"`
	Run     string         `json:"run"`
	Since   time.Time      `json:"since"`
	After   []hook.Command `json:"after"`
}

const owedPrefix = "owed-"

// owe promises the hooks after the snapshot.
func (x *running) owe() error {
	if len(x.p.Hooks.After) == 0 {
		return nil
	}
	v := owed{x.p.Name, x.record.ID, x.o.Now(), nil}
	for _, h := range x.p.Hooks.After {
		v.After = append(v.After, commandOf(h))
	}
	return x.dir.WriteValue(owedPrefix+x.p.Name, v)
}

// paid says that nothing is owed any more.
func (x *running) paid() {
	if err := x.dir.RemoveValue(owedPrefix + x.p.Name); err != nil {
		x.warn(err)
	}
}

// settle does what earlier runs of the profile have left: it records those that died, and
// runs the hooks that they owe. The lock is held.
func (x *running) settle(ctx context.Context) error {
	x.buryDead()
	var v owed
	err := x.dir.ReadValue(owedPrefix+x.p.Name, &v)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil { // a damaged value: the hooks of today are the best guess
		x.warn(err)
		v = owed{Profile: x.p.Name}
		for _, h := range x.p.Hooks.After {
			v.After = append(v.After, commandOf(h))
		}
	}
	var failed error
	for _, c := range v.After {
		failed = errors.Join(failed, x.runHook(context.WithoutCancel(ctx), "after", c))
	}
	x.paid()
	x.warn(fmt.Errorf("run %s was ended before its hooks after the snapshot: they have run now", v.Run))
	return failed
}

// buryDead records the runs of the profile that died.
func (x *running) buryDead() {
	lives, err := x.dir.Lives()
	if err != nil {
		x.warn(err)
	}
	for _, l := range lives {
		if !l.Dead || l.Profile != x.p.Name {
			continue
		}
		r := report.Run{
			Head: x.record.Head, ID: l.ID, Profile: l.Profile, Host: x.host, Installation: x.record.Installation, Trigger: l.Trigger,
			Level: l.Level, Slot: l.Slot, Started: l.Started, Ended: l.Updated, Code: exit.Failed, Kind: report.Failed,
			Message: fmt.Sprintf("it died in the step %s: it was killed, or the machine went down", l.Step),
		}
		if err := x.history.Add(r); err != nil {
			x.warn(err)
			continue
		}
		x.dir.Bury(l.ID)
	}
}

// PayOwed runs the hooks that killed runs of any profile owe. A service calls it when it
// starts. Profiles with a run under way are left to that run. Of the options, Profile is not
// used.
func PayOwed(ctx context.Context, o Options) error {
	if err := o.fill(); err != nil {
		return err
	}
	dir, err := state.Open(o.State, o.Rand, o.Now)
	if err != nil {
		return err
	}
	names, err := owing(dir)
	for _, name := range names {
		o.Profile.Name = name
		err = errors.Join(err, payFor(ctx, o))
	}
	return err
}

func payFor(ctx context.Context, o Options) error {
	x, err := begin(o)
	if err != nil {
		return err
	}
	lock, err := x.dir.LockRun(x.p.Name)
	if _, busy := errors.AsType[*state.Busy](err); busy {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(x.settle(ctx), lock.Release())
}

// owing returns the profiles of which hooks are owed.
func owing(dir *state.Dir) (profiles []string, err error) {
	entries, err := os.ReadDir(dir.Path("value"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), owedPrefix) || !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		text, err := os.ReadFile(dir.Path("value", e.Name()))
		if err != nil {
			continue
		}
		var v owed
		if json.Unmarshal(text, &v) == nil && v.Profile != "" {
			profiles = append(profiles, v.Profile)
		}
	}
	slices.Sort(profiles)
	return profiles, nil
}
