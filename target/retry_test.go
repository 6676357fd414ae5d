package target_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

const (
	before = targettest.Fail
	after  = targettest.FailAfter
	none   = targettest.None
)

// retry returns a Retry that doesn't really wait.
func retry(t target.Target) *target.Retry {
	return target.NewRetry(t, target.RetryOptions{Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
}

func TestAPutWhoseOutcomeIsUnknownFindsOutWhoseObjectIsThere(t *testing.T) {
	for name, c := range map[string]struct {
		faults []targettest.Fault
		there  string
		want   error
		stored string
	}{
		"not done, free":                {[]targettest.Fault{before}, "", nil, "mine"},
		"done, ours":                    {[]targettest.Fault{after}, "", nil, "mine"},
		"done, ours, found at the 4th":  {[]targettest.Fault{after, before, before, none, before, before}, "", nil, "mine"},
		"not done, other bytes":         {[]targettest.Fault{before}, "else", fs.ErrExist, "else"},
		"not done, another size":        {[]targettest.Fault{before}, "other", fs.ErrExist, "other"},
		"the first answer, other bytes": {nil, "else", fs.ErrExist, "else"},
		"the first answer, same bytes":  {nil, "mine", fs.ErrExist, "mine"},
	} {
		l := fail(c.faults...)
		if c.there != "" {
			l.Memory.Set("a", []byte(c.there))
		}
		if err := put(retry(l), "a", "mine"); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := string(l.Objects()["a"]); got != c.stored {
			t.Errorf("%s: %q is stored", name, got)
		}
	}
}

func TestADeleteWhoseOutcomeIsUnknownMayFindNothing(t *testing.T) {
	l := fail(after)
	l.Memory.Set("a", []byte("x"))
	if err := retry(l).Delete(t.Context(), "a"); err != nil {
		t.Error(err)
	}
	if err := retry(fail()).Delete(t.Context(), "a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of nothing, at first: %v", err)
	}
}

// A cutter breaks each body after some bytes and each list after some names.
type cutter struct {
	*targettest.Memory
	every int
	gets  []int64 // offsets asked for
}

func (c *cutter) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	c.gets = append(c.gets, off)
	r, err := c.Memory.Get(ctx, name, off, n)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	if err != nil || len(b) <= c.every {
		return io.NopCloser(bytes.NewReader(b)), err
	}
	return io.NopCloser(io.MultiReader(bytes.NewReader(b[:c.every]), failing{})), nil
}

func TestAGetThatBreaksGoesOnWhereItWas(t *testing.T) {
	for _, n := range []int64{-1, 90} {
		c := &cutter{Memory: &targettest.Memory{}, every: 40}
		body := strings.Repeat("0123456789", 10)
		c.Set("a", []byte(body))
		got, err := get(retry(c), "a", 10, n)
		if err != nil || got != body[10:] {
			t.Errorf("%d bytes: read %q, %v", n, got, err)
		}
		if want := []int64{10, 50, 90}; !slices.Equal(c.gets, want) {
			t.Errorf("%d bytes: asked at %d, want %d", n, c.gets, want)
		}
	}
}

func TestABodyThatEndsSilentlyEarlyIsResumed(t *testing.T) {
	c := &short{Memory: &targettest.Memory{}}
	c.Set("a", []byte("whole"))
	if got, err := get(retry(c), "a", 0, 5); err != nil || got != "whole" {
		t.Errorf("read %q, %v", got, err)
	}
}

// A short target sends two bytes at most, and says nothing.
type short struct{ *targettest.Memory }

func (s *short) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	return s.Memory.Get(ctx, name, off, min(n, 2))
}

func TestAnObjectThatIsTooShortIsNoBrokenLine(t *testing.T) {
	m := &targettest.Memory{}
	m.Set("a", []byte("short"))
	waits := 0
	r := target.NewRetry(m, target.RetryOptions{Waiting: func(target.Wait) { waits++ }})
	if _, err := get(r, "a", 0, 6); !errors.Is(err, io.ErrUnexpectedEOF) || waits > 0 {
		t.Errorf("%v after %d waits", err, waits)
	}
}

func TestAListThatBreaksYieldsEveryNameOnce(t *testing.T) {
	for seed := range uint64(200) {
		l := newLine(seed, 0.6)
		var want []string
		for i := range 150 {
			name := fmt.Sprintf("p/%03d", i)
			l.Memory.Set(name, []byte("x"))
			want = append(want, name)
		}
		var got []string
		for info, err := range retry(l).List(t.Context(), "p/") {
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			got = append(got, info.Name)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: %q", seed, got)
		}
	}
}

func TestABodyThatFailsIsNotPutAgain(t *testing.T) {
	r := target.NewRetry(&targettest.Memory{}, target.RetryOptions{Waiting: func(w target.Wait) { t.Errorf("waits: %v", w) }})
	if err := r.Put(t.Context(), "a", strings.NewReader("short"), 6); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

// A statement is an error of a backend.
type statement struct {
	temporary bool
	after     time.Duration
	error
}

func (s statement) Temporary() bool           { return s.temporary }
func (s statement) RetryAfter() time.Duration { return s.after }
func (s statement) Unwrap() error             { return s.error }

type tooLate struct{ error }

func (tooLate) Timeout() bool { return true }

func TestOnlyWhatMayPassIsTemporary(t *testing.T) {
	busy := errors.New("503")
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{errors.New("401"), false},
		{statement{error: busy}, false},
		{statement{temporary: true, error: busy}, true},
		{fmt.Errorf("put: %w", statement{temporary: true, error: busy}), true},
		{statement{error: syscall.ECONNRESET}, false},
		{statement{temporary: true, error: fs.ErrExist}, false},
		{statement{temporary: true, error: fs.ErrNotExist}, false},
		{statement{temporary: true, error: fs.ErrPermission}, false},
		{statement{temporary: true, error: syscall.ENOSPC}, false},
		{statement{temporary: true, error: context.Canceled}, false},
		{syscall.EACCES, false},
		{syscall.EDQUOT, false},
		{syscall.EIO, false},
		{syscall.ECONNREFUSED, true},
		{&fs.PathError{Op: "read", Path: "a", Err: syscall.ECONNRESET}, true},
		{io.EOF, true},
		{fmt.Errorf("body: %w", io.ErrUnexpectedEOF), true},
		{tooLate{errors.New("dial")}, true},
		{context.DeadlineExceeded, true}, // somebody else's: Retry looks at its own
		{&target.StallError{}, true},
	} {
		if got := target.Temporary(c.err); got != c.want {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}

func TestATargetMayGoAwayForTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := time.Now().Add(10 * time.Minute)
		l := fail()
		l.Decide = func(targettest.Op) targettest.Fault {
			if time.Now().Before(back) {
				return before
			}
			return none
		}
		l.Memory.Set("there", []byte("x"))
		r := target.NewRetry(l, target.RetryOptions{})
		var all sync.WaitGroup
		for name, f := range map[string]func() error{
			"put":    func() error { return put(r, "a", "x") },
			"get":    func() error { _, err := get(r, "there", 0, -1); return err },
			"stat":   func() error { _, err := r.Stat(t.Context(), "there"); return err },
			"delete": func() error { return r.Delete(t.Context(), "there-not") },
			"list": func() error {
				for _, err := range r.List(t.Context(), "") {
					return err
				}
				return errors.New("nothing listed")
			},
		} {
			all.Go(func() {
				if err := f(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		all.Wait()
		if late := time.Since(back); late > 31*time.Second {
			t.Errorf("it took %s to notice that the target is back", late)
		}
	})
}

func TestATargetThatStaysAwayIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		l := fail()
		l.Decide = func(targettest.Op) targettest.Fault { return before }
		err := put(target.NewRetry(l, target.RetryOptions{}), "a", "x")
		if !errors.Is(err, syscall.ECONNRESET) || !strings.Contains(err.Error(), "given up after") {
			t.Error(err)
		}
		if took := time.Since(start); took != 15*time.Minute {
			t.Errorf("after %s", took)
		}
	})
}

func TestWaitsGrowWithFullJitter(t *testing.T) {
	for random, want := range map[float64][]time.Duration{
		0:   {0, 0, 0, 0, 0, 0, 0},
		0.5: {500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 15 * time.Second, 15 * time.Second},
	} {
		var got []time.Duration
		l := fail(before, before, before, before, before, before, before)
		r := target.NewRetry(l, target.RetryOptions{
			Random:  func() float64 { return random },
			Waiting: func(w target.Wait) { got = append(got, w.Delay) },
			Sleep:   func(context.Context, time.Duration) error { return nil },
		})
		if err := put(r, "a", "x"); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v: waits %v, %v", random, got, err)
		}
	}
}

func TestAWaitSaysWhatWentWrongAndHowLongItWillBe(t *testing.T) {
	var said []string
	r := target.NewRetry(fail(before), target.RetryOptions{
		Random:  func() float64 { return 0.4 },
		Waiting: func(w target.Wait) { said = append(said, fmt.Sprintf("%s %s: %v", w.Method, w.Name, w)) },
		Sleep:   func(context.Context, time.Duration) error { return nil },
	})
	if err := put(r, "a", "x"); err != nil {
		t.Fatal(err)
	}
	if want := []string{"put a: the line broke: connection reset by peer: trying again in 0.4 s"}; !slices.Equal(said, want) {
		t.Errorf("%q", said)
	}
}

// A refusing target answers with one error, so often.
type refusing struct {
	*targettest.Memory
	err   error
	times int
}

func (r *refusing) Stat(ctx context.Context, name string) (target.Info, error) {
	if r.times--; r.times >= 0 {
		return target.Info{}, r.err
	}
	return r.Memory.Stat(ctx, name)
}

func TestATargetIsLeftAloneAsLongAsItAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &targettest.Memory{}
		m.Set("a", nil)
		start := time.Now()
		busy := &refusing{m, statement{true, 2 * time.Minute, errors.New("429")}, 1}
		if _, err := target.NewRetry(busy, target.RetryOptions{}).Stat(t.Context(), "b"); !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		if took := time.Since(start); took != 2*time.Minute {
			t.Errorf("asked again after %s", took)
		}
		// Not if that is longer than anybody wants to wait.
		start = time.Now()
		busy = &refusing{m, statement{true, time.Hour, errors.New("429")}, 1}
		if _, err := target.NewRetry(busy, target.RetryOptions{}).Stat(t.Context(), "b"); err == nil || time.Since(start) > 0 {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

func TestNothingIsTriedAgainOnceCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		l := fail()
		l.Decide = func(targettest.Op) targettest.Fault { return before }
		start := time.Now()
		_, err := target.NewRetry(l, target.RetryOptions{}).Stat(ctx, "a")
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, syscall.ECONNRESET) {
			t.Error(err)
		}
		if took := time.Since(start); took != time.Minute {
			t.Errorf("after %s", took)
		}
		ops := l.Ops()
		cancel()
		if _, err := target.NewRetry(l, target.RetryOptions{}).Stat(ctx, "a"); err == nil || l.Ops() > ops+1 {
			t.Errorf("%v after %d attempts", err, l.Ops()-ops)
		}
	})
}
