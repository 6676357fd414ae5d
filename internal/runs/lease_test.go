package runs_test

import (
	"context"
	"encoding/hex"
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

// The numbers of the fields are part of the format.
func TestTheBytesOfARecordStayTheSame(t *testing.T) {
	b, err := object.Encode(runs.Record{
		What: "a", Hostname: []byte("b"), Username: []byte("c"), Process: []byte("d"), Begun: 5,
		Paths: [][]byte{[]byte("/")}, Trees: [][2][]byte{{[]byte("p"), []byte("t")}}, Runs: [][]byte{[]byte("r")},
	})
	want := "a8" + "016161" + "024162" + "034163" + "044164" + "0505" + "0681412f" + "078182" + "41704174" + "08814172"
	if got := hex.EncodeToString(b); err != nil || got != want {
		t.Errorf("it is %s, %v", got, err)
	}
}

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

func TestALeaseSaysWhatItsRunDoes(t *testing.T) {
	h := newHouse(t)
	run, l := h.begin(runs.Writing, "snapshot")
	read := func() *runs.Record {
		v := h.Liveness()
		if err := v.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		record, _ := v.Alive(run)
		return record
	}
	record := read()
	if record.What != "snapshot" || string(record.Hostname) != "host" || string(record.Username) != "user" || record.Begun != h.clock.Now().UnixNano() || string(record.Process) != string(runs.Process()) {
		t.Errorf("%+v", record)
	}
	other := seal.Run{7}
	l.SetTrees([][2][]byte{{[]byte("/a"), make([]byte, 32)}})
	if err := l.ProtectRuns(t.Context(), map[seal.Run]bool{other: true}); err != nil {
		t.Fatal(err)
	}
	record = read()
	if len(record.Trees) != 1 || string(record.Trees[0][0]) != "/a" || len(record.Runs) != 1 || seal.Run(record.Runs[0]) != other {
		t.Errorf("%+v", record)
	}
	own := runs.Record{What: "snapshot", Hostname: []byte("named"), Paths: [][]byte{[]byte("/a"), []byte("/b")}}
	if !own.IsOf("named", []string{"/a", "/b"}) || own.IsOf("named", []string{"/a"}) || own.IsOf("host", []string{"/a", "/b"}) {
		t.Error("its source is taken for another")
	}
	if own.What = "restore"; own.IsOf("named", []string{"/a", "/b"}) {
		t.Error("a restore is taken for a snapshot")
	}
	run = seal.Run{8}
	if _, err := h.Begin(t.Context(), run, runs.Writing, own); err != nil {
		t.Fatal(err)
	}
	if record = read(); string(record.Hostname) != "named" {
		t.Errorf("the source's host is %q", record.Hostname)
	}
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

func TestStrangersAreNoLeases(t *testing.T) {
	name := leaseName(runs.Reading, seal.Run{0xab}, 1)
	if !runs.IsLeaseName(name) {
		t.Errorf("%s is none", name)
	}
	for _, other := range []string{"", "leases/", name + "0", name[:len(name)-1], strings.ToUpper(name), "leases/r-ab-00000001", strings.Replace(name, "-0000000", "-+000000", 1), name + "-1"} {
		if runs.IsLeaseName(other) {
			t.Errorf("%q is one", other)
		}
	}
}

func TestALeaseOfAnotherRunIsDamaged(t *testing.T) {
	h := newHouse(t)
	run, _ := h.begin(runs.Writing, "snapshot")
	other, _ := h.begin(runs.Writing, "snapshot")
	name := leaseName(runs.Writing, run, 1)
	for what, b := range map[string][]byte{"another's": h.mem.Objects()[leaseName(runs.Writing, other, 1)], "garbage": []byte("x"), "empty": {}} {
		if h.CheckLease(name, b) == nil {
			t.Errorf("%s: nothing is wrong", what)
		}
	}
}
