package runs_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/target/targettest"
)

func TestALeaseIsReplacedAndReleased(t *testing.T) {
	h := newHouse(t)
	run, l := h.begin(runs.Writing, "snapshot")
	for beat := 1; beat < 4; beat++ {
		if got := h.leases(); !slices.Equal(got, []string{leaseName(runs.Writing, run, beat)}) {
			t.Errorf("after %d renewals the leases are %q", beat-1, got)
		}
		h.renew(l)
	}
	name := h.leases()[0]
	if !runs.IsLeaseName(name) || h.CheckLease(name, h.mem.Objects()[name]) != nil {
		t.Errorf("%s isn't sound: %v", name, h.CheckLease(name, h.mem.Objects()[name]))
	}
	if has, err := h.Has(t.Context(), run); !has || err != nil {
		t.Errorf("it has none: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // a run that was cancelled ends, too
	l.Release(ctx)
	if n, err := h.Count(t.Context()); n != 0 || err != nil || len(h.leases()) > 0 {
		t.Errorf("released, there are %q, %v", h.leases(), err)
	}
	(*runs.Lease)(nil).Release(t.Context())
}

// Some of its versions may have been written though that was reported as failed.
func TestALeaseIsReleasedWhateverHasFailed(t *testing.T) {
	for _, fault := range []targettest.Fault{targettest.Fail, targettest.FailAfter} {
		for n := 1; n < 12; n++ {
			h := newHouse(t)
			f := &targettest.Faulty{Memory: h.mem, Decide: func(op targettest.Op) targettest.Fault {
				if op.N == n && op.Method == "put" {
					return fault
				}
				return targettest.None
			}}
			l, err := h.on(f, "").Begin(t.Context(), seal.Run{1}, runs.Reading, runs.Record{What: "restore"})
			if err != nil {
				if !errors.Is(err, targettest.ErrFault) || !strings.Contains(err.Error(), "restore") {
					t.Errorf("Begin: %v", err)
				}
				continue
			}
			failed := 0
			for range 4 {
				if l.Renew(t.Context()) != nil {
					failed++
				}
				if len(h.leases()) == 0 {
					t.Errorf("operation %d fails: there is no lease for a while", n)
				}
			}
			l.Release(t.Context())
			if got := h.leases(); len(got) > 0 {
				t.Errorf("operation %d fails, and %d renewals: left are %q", n, failed, got)
			}
		}
	}
}

func TestALeaseThatSeveralRenewAtOnceIsReleased(t *testing.T) {
	h := newHouse(t)
	_, l := h.begin(runs.Writing, "copy")
	var all sync.WaitGroup
	for i := range byte(8) {
		all.Go(func() {
			for range 20 {
				l.SetTrees([][2][]byte{{{i}, make([]byte, 32)}})
				if err := errors.Join(l.Renew(t.Context()), l.ProtectRuns(t.Context(), map[seal.Run]bool{{i}: true})); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n, err := h.Count(t.Context()); n != 1 || err != nil {
		t.Errorf("%d runs have a lease, %v", n, err)
	}
	if l.Release(t.Context()); len(h.leases()) > 0 {
		t.Errorf("released, there are %q", h.leases())
	}
}

func TestABeatThatIsMissedIsWarnedOf(t *testing.T) {
	h := newHouse(t)
	fault := targettest.None
	f := &targettest.Faulty{Memory: h.mem, Decide: func(targettest.Op) targettest.Fault { return fault }}
	l, err := h.on(f, "").Begin(t.Context(), seal.Run{1}, runs.Writing, runs.Record{What: "snapshot"})
	if err != nil {
		t.Fatal(err)
	}
	if l.Beat(t.Context()); len(h.warned) > 0 {
		t.Errorf("%v", h.warned)
	}
	fault = targettest.Fail
	if l.Beat(t.Context()); len(h.warned) != 1 || !errors.Is(h.warned[0], targettest.ErrFault) {
		t.Errorf("%v", h.warned)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if l.Beat(ctx); len(h.warned) != 1 {
		t.Errorf("a run that ends: %v", h.warned)
	}
}

func TestALeaseThatIsKeptIsRenewedAtEachHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		run, l := h.begin(runs.Writing, "snapshot")
		l.Keep(t.Context(), nil)
		time.Sleep(3*runs.Heartbeat + time.Second)
		synctest.Wait()
		if got := h.leases(); !slices.Equal(got, []string{leaseName(runs.Writing, run, 4)}) {
			t.Errorf("the leases are %q", got)
		}
		l.Release(t.Context())
		time.Sleep(2 * runs.Heartbeat)
		if got := h.leases(); len(got) > 0 {
			t.Errorf("released, there are %q", got)
		}

		beats := 0
		_, l = h.begin(runs.Writing, "snapshot")
		ctx, cancel := context.WithCancel(t.Context())
		l.Keep(ctx, func(context.Context) { beats++ })
		time.Sleep(2*runs.Heartbeat + time.Second)
		cancel()
		time.Sleep(2 * runs.Heartbeat)
		l.Release(t.Context())
		if beats != 2 {
			t.Errorf("a beat of its own came %d times", beats)
		}
	})
}

func TestARunThatOnlyReadsHasALeaseOnceItTakesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		end := h.BeginLate(t.Context(), "restore")
		time.Sleep(20 * time.Second)
		end()
		time.Sleep(time.Hour)
		if len(h.leases()) > 0 {
			t.Errorf("a short one: %q", h.leases())
		}
		end = h.BeginLate(t.Context(), "restore")
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := h.leases(); len(got) != 1 || !strings.HasPrefix(got[0], "leases/r-") {
			t.Errorf("a long one: %q", got)
		}
		if end(); len(h.leases()) > 0 {
			t.Errorf("it has ended: %q", h.leases())
		}
		refusing := h.on(&targettest.Faulty{Memory: h.mem, Decide: func(targettest.Op) targettest.Fault { return targettest.Fail }}, "")
		end = refusing.BeginLate(t.Context(), "restore")
		time.Sleep(time.Minute)
		end() // where the target can't be written, it goes on without
	})
}

// A fullTarget has no room until the reserve is deleted.
type fullTarget struct{ *targettest.Memory }

func (f fullTarget) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	if f.Objects()[object.ReserveName] != nil {
		return &fs.PathError{Op: "put", Path: name, Err: syscall.ENOSPC}
	}
	return f.Memory.Put(ctx, name, body, size)
}

func TestOnAFullTargetAPruneBeginsAndOthersDont(t *testing.T) {
	h := newHouse(t)
	h.mem.Set(object.ReserveName, []byte("reserve"))
	full := h.on(fullTarget{h.mem}, "")
	if _, err := full.Begin(t.Context(), seal.Run{1}, runs.Writing, runs.Record{What: "snapshot"}); !object.IsFull(err) || h.mem.Objects()[object.ReserveName] == nil {
		t.Errorf("a snapshot: %v", err)
	}
	if _, err := full.Begin(t.Context(), seal.Run{2}, runs.Pruning, runs.Record{What: "prune"}); err != nil {
		t.Errorf("a prune: %v", err)
	}
}

func TestReplacedLeasesAreRemoved(t *testing.T) {
	h := newHouse(t)
	run, l := h.begin(runs.Writing, "snapshot")
	first := h.mem.Objects()[leaseName(runs.Writing, run, 1)]
	h.renew(l)
	h.renew(l)
	for beat := 1; beat < 3; beat++ {
		h.mem.Set(leaseName(runs.Writing, run, beat), first)
	}
	h.mem.Set("leases/notes", []byte("x"))
	if n, err := h.Count(t.Context()); n != 1 || err != nil {
		t.Errorf("%d runs, %v", n, err)
	}
	if err := h.RemoveReplaced(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := h.leases(); !slices.Equal(got, []string{"leases/notes", leaseName(runs.Writing, run, 3)}) {
		t.Errorf("left are %q", got)
	}
}
