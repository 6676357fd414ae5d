package target_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/local"
	"github.com/qsnap/qsnap/target/targettest"
)

// took returns how long a function takes.
func took(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

// near reports whether something took as long as its rate wants: what a quarter of
// a second is good for is free.
func near(got, want time.Duration) bool { return got >= want-250*time.Millisecond && got <= want }

func TestAllOperationsTogetherKeepToTheRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := target.NewThrottle(&targettest.Memory{}, 100_000, 1_000_000)
		body := make([]byte, 500_000)
		each := func(f func(name string) error) {
			var wg sync.WaitGroup
			for i := range 4 {
				wg.Go(func() {
					if err := f(fmt.Sprint("o/", i)); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		up := took(func() {
			each(func(name string) error { return th.Put(t.Context(), name, bytes.NewReader(body), int64(len(body))) })
		})
		if !near(up, 20*time.Second) {
			t.Errorf("2 MB up at 100 kB/s took %s", up)
		}
		down := took(func() {
			each(func(name string) error { _, err := get(th, name, 0, -1); return err })
		})
		if !near(down, 2*time.Second) {
			t.Errorf("2 MB down at 1 MB/s took %s", down)
		}
	})
}

func TestIdleTimeIsNotSavedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := target.NewThrottle(&targettest.Memory{}, 1000, 0)
		time.Sleep(time.Hour)
		if d := took(func() { put(th, "a", string(make([]byte, 10_000))) }); !near(d, 10*time.Second) {
			t.Errorf("10 kB at 1 kB/s took %s", d)
		}
		if d := took(func() { get(th, "a", 0, -1) }); d > 0 {
			t.Errorf("without a limit they took %s", d)
		}
	})
}

func TestWaitingForTheRateEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &targettest.Memory{}
		m.Set("there", make([]byte, 1000))
		th := target.NewThrottle(m, 1, 1)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		err := th.Put(ctx, "a", bytes.NewReader(make([]byte, 1000)), 1000)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		r, err := th.Get(ctx, "there", 0, -1)
		if err == nil {
			_, err = io.ReadAll(r)
			r.Close()
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("after %s", took)
		}
	})
}

func TestStagedObjectsAreThrottledAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, err := local.Create(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		m := target.NewMeter(dir)
		stager, ok := target.As[target.Stager](target.NewThrottle(m, 1000, 2000))
		if !ok {
			t.Fatal("no stager")
		}
		s, err := stager.Stage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		d := took(func() {
			if _, err := s.WriteAt(make([]byte, 10_000), 0); err != nil {
				t.Error(err)
			}
		})
		if !near(d, 10*time.Second) {
			t.Errorf("writing took %s", d)
		}
		d = took(func() {
			if _, err := s.ReadAt(make([]byte, 10_000), 0); err != nil {
				t.Error(err)
			}
		})
		if !near(d, 5*time.Second) {
			t.Errorf("reading took %s", d)
		}
		if err := errors.Join(s.Commit(t.Context(), "a", 10_000), s.Discard()); err != nil {
			t.Error(err)
		}
		if got, want := m.Counts(), (target.Counts{Stages: 1, Puts: 1, BytesUp: 10_000, BytesDown: 10_000}); got != want {
			t.Errorf("counted %+v", got)
		}
	})
}
