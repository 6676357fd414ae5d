package runs_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/target/targettest"
)

// look refreshes what tells which runs are alive.
func look(t *testing.T, v *runs.Liveness) *runs.Liveness {
	t.Helper()
	if err := v.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestARunIsAliveAsLongAsItsLeaseIsReplaced(t *testing.T) {
	h := newHouse(t)
	run, l := h.begin(runs.Reading, "restore")
	v := look(t, h.on(h.mem, t.TempDir()).Liveness())
	for range 5 {
		h.clock.Advance(runs.DeadAfter - time.Second)
		if look(t, v); !v.IsAlive(run) || len(v.Dead()) > 0 {
			t.Fatal("it is dead before its time")
		}
		record, by := v.Alive(run)
		if left := by.Sub(h.clock.Now()); record.What != "restore" || left != time.Second {
			t.Errorf("%+v counts as dead in %v", record, left)
		}
		h.renew(l)
		if _, by := v.Alive(run); look(t, v) == nil || !v.IsAlive(run) || !by.Before(h.clock.Now().Add(runs.DeadAfter)) {
			t.Error("a new lease doesn't count from now on")
		}
	}
	h.clock.Advance(runs.DeadAfter)
	if look(t, v); v.IsAlive(run) || len(v.Living()) > 0 {
		t.Error("it is alive, though its lease is old")
	}
	if dead := v.Dead(); len(dead) != 1 || dead[0].Run != run || dead[0].Name != h.leases()[0] || dead[0].Record.What != "restore" {
		t.Errorf("dead are %+v", dead)
	}
	h.renew(l) // it was only slow
	if look(t, v); !v.IsAlive(run) || len(v.Dead()) > 0 {
		t.Error("it stays dead when it gives a sign of life")
	}
	l.Release(t.Context())
	if look(t, v); v.IsAlive(run) || len(v.Dead()) > 0 {
		t.Error("it has ended, and is alive or dead")
	}
}

func TestShortLooksServeAsWellAsALongOne(t *testing.T) {
	h := newHouse(t)
	run, _ := h.begin(runs.Writing, "backup of something")
	dir := filepath.Join(t.TempDir(), "is", "made")
	look(t, h.on(h.mem, dir).Liveness())
	h.clock.Advance(runs.DeadAfter)
	if look(t, h.on(h.mem, dir).Liveness()).IsAlive(run) {
		t.Error("what another process has seen before is forgotten")
	}
	if v := look(t, h.on(h.mem, "").Liveness()); !v.IsAlive(run) {
		t.Error("a first look takes it for dead")
	}
}

// A service without a home has no local directory. Elsewhere it can't be written.
func TestALongLookNeedsNoLocalDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", file} {
		h := newHouse(t)
		run, l := h.begin(runs.Writing, "snapshot")
		v := look(t, h.on(h.mem, dir).Liveness())
		h.clock.Advance(runs.DeadAfter - time.Second)
		h.renew(l)
		look(t, v)
		h.clock.Advance(runs.DeadAfter - time.Second)
		if look(t, v); !v.IsAlive(run) {
			t.Errorf("in %q: it is dead before its time", dir)
		}
		h.clock.Advance(time.Second)
		if look(t, v); v.IsAlive(run) || len(v.Dead()) != 1 {
			t.Errorf("in %q: it is alive, though its lease is old", dir)
		}
	}
}

func TestWithoutSightingsWaitingBeginsAgain(t *testing.T) {
	h := newHouse(t)
	run, _ := h.begin(runs.Writing, "snapshot")
	dir := t.TempDir()
	path := filepath.Join(dir, "leases.json")
	for _, text := range []string{"", "null", "{", "[]", `{"x": 1}`, "\x00\xff",
		fmt.Sprintf(`{"%x": {"beat": 1, "since": "2000-01-01T00:00:00Z"}, "x": 1}`, run[:])} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(runs.DeadAfter)
		if !look(t, h.on(h.mem, dir).Liveness()).IsAlive(run) {
			t.Errorf("%q: it is dead", text)
		}
	}
	h.clock.Advance(-time.Hour) // what was seen lies in the future now
	v := look(t, h.on(h.mem, dir).Liveness())
	if _, by := v.Alive(run); by.Sub(h.clock.Now()) != runs.DeadAfter {
		t.Errorf("the clock was set back: it is dead in %v", by.Sub(h.clock.Now()))
	}
}

func TestWithoutLeasesNoSightingsAreKept(t *testing.T) {
	h := newHouse(t)
	dir := t.TempDir()
	_, l := h.begin(runs.Writing, "snapshot")
	look(t, h.on(h.mem, dir).Liveness())
	if _, err := os.Stat(filepath.Join(dir, "leases.json")); err != nil {
		t.Error(err)
	}
	l.Release(t.Context())
	look(t, h.on(h.mem, dir).Liveness())
	if _, err := os.Stat(filepath.Join(dir, "leases.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a file of sightings: %v", err)
	}
}

func TestThePacksOfAnInterruptedSnapshotAreKeptForADay(t *testing.T) {
	h := newHouse(t)
	kept := map[seal.Run]bool{}
	for _, what := range []string{"snapshot", "copy", "restore"} {
		for _, kind := range []runs.Kind{runs.Writing, runs.Reading, runs.Pruning} {
			run, _ := h.begin(kind, what)
			kept[run] = kind == runs.Writing && what != "restore"
		}
	}
	v := look(t, h.on(h.mem, t.TempDir()).Liveness())
	for run := range kept {
		if !v.Protects(run) || v.IsResumable(run) {
			t.Error("the packs of a run that is alive aren't protected")
		}
	}
	h.clock.Advance(runs.DeadAfter)
	look(t, v)
	for run, want := range kept {
		if v.IsAlive(run) || v.IsResumable(run) != want || v.Protects(run) != want {
			t.Errorf("%x: kept %v, protected %v, want %v", run[:4], v.IsResumable(run), v.Protects(run), want)
		}
	}
	h.clock.Advance(24*time.Hour - runs.DeadAfter)
	look(t, v)
	for run := range kept {
		if v.Protects(run) {
			t.Error("its packs are protected after a day")
		}
	}
	if v.Protects(seal.Run{1}) {
		t.Error("a run without a lease is protected")
	}
}

func TestRunsThatALeaseAnswersForLiveAndDieWithIt(t *testing.T) {
	h := newHouse(t)
	_, l := h.begin(runs.Writing, "copy")
	a, b := seal.Run{1}, seal.Run{2}
	if err := l.ProtectRuns(t.Context(), map[seal.Run]bool{a: true, b: true}); err != nil {
		t.Fatal(err)
	}
	v := look(t, h.on(h.mem, t.TempDir()).Liveness())
	if !v.IsAlive(a) || !v.IsAlive(b) || v.IsAlive(seal.Run{3}) || len(v.Living()) != 3 || !slices.IsSortedFunc(v.Living(), runs.Compare) {
		t.Errorf("alive are %x", v.Living())
	}
	h.clock.Advance(runs.DeadAfter)
	if look(t, v); v.IsAlive(a) || !v.IsResumable(a) || !v.IsResumable(b) || len(v.Dead()) != 1 {
		t.Error("they aren't kept like the run itself")
	}
	h.clock.Advance(24 * time.Hour)
	if look(t, v); v.IsResumable(a) {
		t.Error("they are kept longer than the run itself")
	}
}

func TestOnlyRunsThatDontDeleteAreWaitedFor(t *testing.T) {
	h := newHouse(t)
	var want []seal.Run
	for i := range 10 {
		run, _ := h.begin([]runs.Kind{runs.Writing, runs.Reading}[i%2], "a")
		want = append(want, run)
	}
	h.begin(runs.Pruning, "prune")
	v := look(t, h.Liveness())
	slices.SortFunc(want, runs.Compare)
	if got := v.Waitable(); !slices.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
	if v.Writers() != 5 || len(v.Living()) != 11 {
		t.Errorf("%d runs write, of %d", v.Writers(), len(v.Living()))
	}
}

// A lease that can't be read says nothing. Its name says that there is a run.
func TestARunWhoseLeaseCantBeReadIsAliveLikeAnyOther(t *testing.T) {
	h := newHouse(t)
	run, l := h.begin(runs.Writing, "snapshot")
	other, _ := h.begin(runs.Writing, "snapshot")
	name := leaseName(runs.Writing, run, 1)
	h.mem.Set("leases/notes", []byte("x"))
	for what, b := range map[string][]byte{"garbage": []byte("x"), "empty": {}, "another's": h.mem.Objects()[leaseName(runs.Writing, other, 1)]} {
		h.mem.Set(name, b)
		v := look(t, h.on(h.mem, t.TempDir()).Liveness())
		if record, _ := v.Alive(run); record == nil || record.What != "" || len(v.Living()) != 2 {
			t.Errorf("%s: %+v, of %d", what, record, len(v.Living()))
		}
		h.clock.Advance(runs.DeadAfter)
		if look(t, v); v.IsAlive(run) || v.IsResumable(run) {
			t.Errorf("%s: it doesn't die", what)
		}
	}
	bad := &fixture.BadSector{Target: h.mem, Name: name, Err: syscall.EIO}
	if v := look(t, h.on(bad, "").Liveness()); !v.IsAlive(run) {
		t.Error("unreadable: it is dead")
	}
	bad.Err = syscall.ECONNRESET
	if err := h.on(bad, "").Liveness().Refresh(t.Context()); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a connection that breaks: %v", err)
	}
	// It is replaced by its run when it has been listed.
	replaced := false
	f := &targettest.Faulty{Memory: h.mem, Decide: func(op targettest.Op) targettest.Fault {
		if op.Method == "get" && op.Name == name && !replaced {
			replaced = true
			h.renew(l)
		}
		return targettest.None
	}}
	if v := look(t, h.on(f, "").Liveness()); !v.IsAlive(run) || !replaced {
		t.Error("replaced meanwhile: it is dead")
	}
}

func TestNothingIsKnownBeforeTheFirstLookAndAfterAFailure(t *testing.T) {
	h := newHouse(t)
	run, _ := h.begin(runs.Writing, "snapshot")
	if v := h.Liveness(); v.IsAlive(run) || len(v.Living()) > 0 || v.Writers() > 0 {
		t.Error("something is known before")
	}
	f := &targettest.Faulty{Memory: h.mem, Decide: func(targettest.Op) targettest.Fault { return targettest.Fail }}
	if err := h.on(f, "").Liveness().Refresh(t.Context()); !errors.Is(err, targettest.ErrFault) {
		t.Errorf("%v", err)
	}
}

func TestRunsOnAnotherStoreAreItsOwn(t *testing.T) {
	h := newHouse(t)
	run, _ := h.begin(runs.Writing, "snapshot")
	other := h.On(object.On(&targettest.Memory{}, object.Options{}))
	if has, err := other.Has(t.Context(), run); has || err != nil {
		t.Errorf("%v, %v", has, err)
	}
}
