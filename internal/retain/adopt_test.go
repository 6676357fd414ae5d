package retain_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/retain"
	"github.com/qsnap/qsnap/internal/take"
	"github.com/qsnap/qsnap/internal/test/enginetest"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/snapshot/retention"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

var (
	oldMachine = snapshot.Installation{1}
	newMachine = snapshot.Installation{2}
)

// An adopting is a repository with the versions of several hosts.
type adopting struct {
	*engine.Engine
	t     *testing.T
	clock *fixture.Clock
}

func newAdopting(t *testing.T, on target.Target) *adopting {
	a := &adopting{t: t, clock: &fixture.Clock{}}
	a.Engine = enginetest.Create(t, on, a.clock)
	return a
}

// takes takes a version of a host each hour.
func (a *adopting) takes(host string, versions int, job snapshot.Job) (out []*snapshot.Manifest) {
	a.t.Helper()
	for range versions {
		if job.Profile != "" {
			job.Slot = a.clock.Now()
		}
		a.clock.Advance(time.Minute)
		files := fstest.MapFS{"f": {Data: fmt.Append(nil, host, a.clock.Now()), Mode: 0o644}}
		m, err := take.Run(a.t.Context(), a.Engine, take.FS(files, "/x"), take.Options{Hostname: host, Workers: 1, Job: job, Level: snapshot.LevelFull})
		if err != nil {
			a.t.Fatal(err)
		}
		out = append(out, m)
		a.clock.Advance(59 * time.Minute)
	}
	return out
}

func (a *adopting) adopts(o retain.AdoptOptions) []retain.Adopted {
	a.t.Helper()
	out, err := retain.Adopt(a.t.Context(), a.Engine, o)
	if err != nil {
		a.t.Fatal(err)
	}
	return out
}

// order returns the hosts of all versions and when they ended, in the order of the versions.
// It reports a stamp that isn't trusted.
func (a *adopting) order() (out []string) {
	a.t.Helper()
	all, damaged, err := a.Catalog.All(a.t.Context())
	if err = errors.Join(err, damaged); err != nil {
		a.t.Fatal(err)
	}
	for _, p := range all {
		if p.Doubt != "" {
			a.t.Errorf("%v is %s", p.Manifest, p.Doubt)
		}
		out = append(out, p.Hostname+" "+p.End.UTC().Format("15:04"))
	}
	return out
}

func (a *adopting) wants(when string, want ...string) {
	a.t.Helper()
	if got := a.order(); !slices.Equal(got, want) {
		a.t.Errorf("%s there are\n%s\nwant\n%s", when, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAHostTakesOverAllThatAnotherHad(t *testing.T) {
	a := newAdopting(t, &targettest.Memory{})
	old := a.takes("old", 3, snapshot.Job{Profile: "app", Installation: oldMachine, Settings: []byte("profiles: {}\n")})
	if err := a.Catalog.Tag(t.Context(), old[1].ID, []string{"release"}); err != nil {
		t.Fatal(err)
	}
	if err := a.Catalog.Pin(t.Context(), old[1].ID, time.Time{}); err != nil {
		t.Fatal(err)
	}
	o := retain.AdoptOptions{From: "old", To: "new", Installation: newMachine, DryRun: true}
	if out := a.adopts(o); len(out) != 3 || out[0].Old.ID != old[0].ID || out[0].New != nil {
		t.Errorf("a dry run: %+v", out)
	}
	a.wants("after a dry run", "old 12:01", "old 13:01", "old 14:01")
	o.DryRun = false
	out := a.adopts(o)
	a.wants("then", "new 12:01", "new 13:01", "new 14:01")
	for i, one := range out {
		was, is := old[i], one.New
		if one.Left != nil || is.Original != was.ID || is.Number != was.Number || is.Level != snapshot.LevelFull || is.Root.Subtree != was.Root.Subtree {
			t.Errorf("%+v", is)
		}
		if j := is.Job; j.Profile != "app" || !j.Slot.Equal(was.Job.Slot) || j.Installation != newMachine || string(j.Settings) != "profiles: {}\n" {
			t.Errorf("job %+v", j)
		}
		if i > 0 && is.Previous != out[i-1].New.ID {
			t.Errorf("number %d follows %s", is.Number, is.Previous.Short())
		}
	}
	if m, err := a.Catalog.Get(t.Context(), out[1].New.ID); err != nil || !slices.Equal(m.Tags, []string{"release"}) || m.Pin == nil {
		t.Errorf("tags and pin: %+v, %v", m, err)
	}
	next := a.takes("new", 1, snapshot.Job{})[0]
	if next.Number != 4 || next.Previous != out[2].New.ID {
		t.Errorf("the next one: number %d, follows %s", next.Number, next.Previous.Short())
	}
	if back, err := retain.Undelete(t.Context(), a.Engine, old[0].ID); err != nil || back.Hostname != "old" || back.Job.Installation != oldMachine {
		t.Errorf("the old one is brought back as %v, %v", back, err)
	}
}

func TestWhatIsTakenOverHasItsPlaceInTime(t *testing.T) {
	a := newAdopting(t, &targettest.Memory{})
	a.takes("c1", 2, snapshot.Job{})
	a.takes("new", 2, snapshot.Job{})
	a.takes("c2", 2, snapshot.Job{})
	a.takes("new", 1, snapshot.Job{})
	a.takes("c3", 1, snapshot.Job{})
	for _, host := range []string{"c3", "c1", "c2"} {
		a.adopts(retain.AdoptOptions{From: host, To: "new"})
	}
	a.wants("of one host", "new 12:01", "new 13:01", "new 14:01", "new 15:01", "new 16:01", "new 17:01", "new 18:01", "new 19:01")
	if m := a.takes("new", 1, snapshot.Job{})[0]; m.Number != 4 {
		t.Errorf("the next one has number %d", m.Number)
	}
	a.order()
}

func TestOnlyWhatAProfileHasIsTakenOverWhereOneIsNamed(t *testing.T) {
	a := newAdopting(t, &targettest.Memory{})
	a.takes("old", 1, snapshot.Job{Profile: "app"})
	a.takes("old", 1, snapshot.Job{Profile: "night"})
	a.takes("old", 1, snapshot.Job{})
	a.adopts(retain.AdoptOptions{From: "old", To: "new", Profile: "app"})
	a.wants("of app", "new 12:01", "old 13:01", "old 14:01")
	a.adopts(retain.AdoptOptions{From: "old", To: "new", Profile: "app", ProfilePaths: []string{"/x"}})
	a.wants("with its paths", "new 12:01", "old 13:01", "new 14:01")
	for _, wrong := range []retain.AdoptOptions{{}, {From: "old"}, {To: "old"}, {From: "old", To: "old"}} {
		if _, err := retain.Adopt(t.Context(), a.Engine, wrong); err == nil {
			t.Errorf("%+v is no error", wrong)
		}
	}
	if out := a.adopts(retain.AdoptOptions{From: "nobody", To: "new"}); len(out) != 0 {
		t.Errorf("of nobody: %+v", out)
	}
}

func TestAnInstallationThatTakesOverCountsTheSlotsTogether(t *testing.T) {
	a := newAdopting(t, &targettest.Memory{})
	a.takes("web", 3, snapshot.Job{Profile: "app", Installation: oldMachine})
	a.takes("web", 2, snapshot.Job{Profile: "app", Installation: newMachine}) // its state was lost
	keep := func(want int) {
		t.Helper()
		o := keepLast(3)
		o.DryRun = true
		groups, err := retain.Apply(t.Context(), a.Engine, o)
		if err != nil || len(groups) != 1 {
			t.Fatal(groups, err)
		}
		kept := slices.DeleteFunc(groups[0].Decisions, func(d retention.Decision) bool { return !d.Keep })
		if len(kept) != want {
			t.Errorf("%d are kept, want %d", len(kept), want)
		}
	}
	keep(5)
	if out := a.adopts(retain.AdoptOptions{From: "web", To: "web", Installation: newMachine}); len(out) != 3 {
		t.Errorf("%d are taken over", len(out))
	}
	a.wants("together", "web 12:01", "web 13:01", "web 14:01", "web 15:01", "web 16:01")
	keep(3)
	if out := a.adopts(retain.AdoptOptions{From: "web", To: "web", Installation: newMachine}); len(out) != 0 {
		t.Errorf("%d are taken over again", len(out))
	}
}

func TestWhatIsLockedIsTakenOverAndForgottenLater(t *testing.T) {
	v := &targettest.Vault{For: 24 * time.Hour, Prefixes: []string{"snapshots/"}}
	clock := &fixture.Clock{}
	v.Now = clock.Now
	a := &adopting{t: t, clock: clock, Engine: enginetest.Create(t, v, clock)}
	a.takes("old", 1, snapshot.Job{})
	o := retain.AdoptOptions{From: "old", To: "new"}
	if out := a.adopts(o); len(out) != 1 || !errors.Is(out[0].Left, object.ErrLocked) {
		t.Errorf("%+v", out)
	}
	a.wants("while it is locked", "new 12:01", "old 12:01")
	clock.Advance(72 * time.Hour)
	if out := a.adopts(o); len(out) != 1 || out[0].Left != nil {
		t.Errorf("%+v", out)
	}
	a.wants("after that", "new 12:01")
}

func TestNothingIsLostOrTakenOverTwiceWhereverItIsInterrupted(t *testing.T) {
	mem := &targettest.Memory{}
	a := newAdopting(t, mem)
	old := a.takes("old", 2, snapshot.Job{})
	if err := a.Catalog.Pin(t.Context(), old[0].ID, time.Time{}); err != nil {
		t.Fatal(err)
	}
	o := retain.AdoptOptions{From: "old", To: "new"}
	whole := false
	for n := 1; !whole; n++ {
		for _, fault := range []targettest.Fault{targettest.Crash, targettest.CrashAfter} {
			left := mem.Clone()
			on := &targettest.Faulty{Memory: left}
			broken := enginetest.Open(t, on, a.clock)
			opened := on.Ops()
			on.Decide = func(op targettest.Op) targettest.Fault {
				if op.N == opened+n {
					return fault
				}
				return targettest.None
			}
			_, err := retain.Adopt(t.Context(), broken, o)
			whole = on.Ops() < opened+n
			if whole && err != nil {
				t.Fatal(err)
			}
			on.Decide = nil
			again := &adopting{t: t, clock: a.clock, Engine: enginetest.Open(t, left, a.clock)}
			versions := map[string]bool{}
			for _, m := range again.order() {
				versions[strings.Fields(m)[1]] = true
			}
			if len(versions) != 2 {
				t.Errorf("fault %d at operation %d: there are %v", fault, n, versions)
			}
			again.adopts(o)
			again.wants(fmt.Sprintf("fault %d at operation %d, and again:", fault, n), "new 12:01", "new 13:01")
			all, err := again.Catalog.Snapshots(t.Context(), catalog.Filter{})
			if err != nil || all[0].Pin == nil || all[1].Pin != nil {
				t.Errorf("fault %d at operation %d: pins are wrong, %v", fault, n, err)
			}
			if t.Failed() {
				return
			}
		}
	}
}
