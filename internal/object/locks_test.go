package object_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

const day = 24 * time.Hour

// newVault returns a target that locks snapshots for ten days, with one snapshot.
func newVault(t *testing.T, clock *fixture.Clock) (v *targettest.Vault, name string) {
	t.Helper()
	v = &targettest.Vault{Now: clock.Now, For: 10 * day, Prefixes: []string{"snapshots/"}}
	name, _ = put(t, object.On(v, object.Options{}), object.Snapshots, []byte("bytes"))
	return v, name
}

// until fails the test unless an object is locked until about so long after now.
func until(t *testing.T, l *object.Locks, clock *fixture.Clock, name string, from, to time.Duration) {
	t.Helper()
	got, err := l.Until(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if after := got.Sub(clock.Now()); after < from || after > to {
		t.Errorf("%s is locked for %v, want %v to %v", name, after, from, to)
	}
}

func TestALockIsAskedForOnce(t *testing.T) {
	clock := new(fixture.Clock)
	v, name := newVault(t, clock)
	dir := t.TempDir()
	l := object.On(v, object.Options{Dir: dir}).Locks(clock.Now)
	for range 3 {
		until(t, l, clock, name, 10*day, 13*day)
	}
	if n := v.Asked(); n != 1 {
		t.Errorf("the target was asked %d times", n)
	}
	l.Save()
	later := object.On(v, object.Options{Dir: dir}).Locks(clock.Now)
	until(t, later, clock, name, 10*day, 13*day)
	if n := v.Asked(); n != 1 {
		t.Errorf("with what was saved, the target was asked %d times", n)
	}
}

func TestALockThatMayHaveEndedIsAskedForAgain(t *testing.T) {
	clock := new(fixture.Clock)
	v, name := newVault(t, clock)
	l := object.On(v, object.Options{}).Locks(clock.Now)
	until(t, l, clock, name, 10*day, 13*day)
	clock.Advance(20 * day)
	if got, err := l.Until(t.Context(), name); err != nil || !got.IsZero() {
		t.Errorf("it has ended, and is %v, %v", got, err)
	}
	if err := v.Lock(t.Context(), name, clock.Now().Add(day)); err != nil {
		t.Fatal(err)
	}
	until(t, l, clock, name, day, day)
}

func TestALockIsNeverTakenForLongerThanItIs(t *testing.T) {
	clock := new(fixture.Clock)
	v, name := newVault(t, clock)
	l := object.On(v, object.Options{}).Locks(clock.Now)
	l.Note(name, clock.Now().Add(5*day))
	l.Note(name, clock.Now().Add(3*day))
	until(t, l, clock, name, 5*day, 5*day)
	if n := v.Asked(); n != 0 {
		t.Errorf("what was noted is asked for %d times", n)
	}
	if got := l.Known("snapshots/other"); !got.IsZero() {
		t.Errorf("of another object is known %v", got)
	}
}

func TestWhatIsAbsentOrCantBeLockedIsNotLocked(t *testing.T) {
	clock := new(fixture.Clock)
	v, _ := newVault(t, clock)
	for what, tgt := range map[string]target.Target{"absent": v, "a target without locks": &targettest.Memory{}} {
		s := object.On(tgt, object.Options{})
		if got, err := s.Locks(clock.Now).Until(t.Context(), "snapshots/absent"); err != nil || !got.IsZero() {
			t.Errorf("%s: %v, %v", what, got, err)
		}
		if (s.Locker() != nil) != (what == "absent") {
			t.Errorf("%s: the locker is %v", what, s.Locker())
		}
	}
}

func TestWhereTheLockBookIsLostTheTargetIsAsked(t *testing.T) {
	clock := new(fixture.Clock)
	v, name := newVault(t, clock)
	for _, text := range []string{"", "null", "{", "[]", `{"a":"b"}`, `{"` + name + `":"x"}`, "\x00\xff"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "locks.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		l := object.On(v, object.Options{Dir: dir}).Locks(clock.Now)
		before := v.Asked()
		until(t, l, clock, name, 10*day, 13*day)
		if v.Asked() != before+1 {
			t.Errorf("%q: the target wasn't asked", text)
		}
		l.Save()
		if object.On(v, object.Options{Dir: dir}).Locks(clock.Now).Known(name).IsZero() {
			t.Errorf("%q: nothing is saved in its place", text)
		}
	}
}

func TestSavedIsOnlyWhatIsStillTrue(t *testing.T) {
	clock := new(fixture.Clock)
	dir := filepath.Join(t.TempDir(), "is", "made")
	s := object.On(&targettest.Vault{Now: clock.Now}, object.Options{Dir: dir})
	l := s.Locks(clock.Now)
	l.Note("short", clock.Now().Add(time.Hour))
	l.Note("long", clock.Now().Add(2*day))
	clock.Advance(day)
	l.Save()
	later := s.Locks(clock.Now)
	if !later.Known("short").IsZero() || later.Known("long").IsZero() {
		t.Errorf("short is %v, long is %v", later.Known("short"), later.Known("long"))
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("there are %v, %v", files, err)
	}
}

func TestALockedErrorSaysUntilWhen(t *testing.T) {
	at := time.Date(2031, 5, 6, 7, 8, 9, 0, time.Local)
	if err := object.LockedError(at); !errors.Is(err, object.ErrLocked) || !strings.Contains(err.Error(), "until 2031-05-06 07:08:09") {
		t.Errorf("%v", err)
	}
	if err := object.LockedError(target.Forever); !errors.Is(err, object.ErrLocked) || strings.Contains(err.Error(), "9999") {
		t.Errorf("for ever: %v", err)
	}
}
