package target_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

func TestAMeterCountsWhatIsAskedOfATarget(t *testing.T) {
	m := target.NewMeter(&targettest.Memory{})
	for _, name := range []string{"p/a", "p/b", "p/a"} {
		put(m, name, "12345") // the third is there already
	}
	get(m, "p/a", 1, 3)
	get(m, "p/none", 0, -1)
	m.Stat(t.Context(), "p/a")
	for range m.List(t.Context(), "p/") {
	}
	m.Delete(t.Context(), "p/b")
	m.Delete(t.Context(), "p/b")
	want := target.Counts{Puts: 3, Gets: 2, Stats: 1, Lists: 1, Deletes: 2, Listed: 2, BytesUp: 15, BytesDown: 3}
	if got := m.Counts(); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
	if n := m.Counts().Requests(); n != 9 {
		t.Errorf("%d requests", n)
	}
	before := m.Counts()
	get(m, "p/a", 0, -1)
	if got := m.Counts().Since(before); got != (target.Counts{Gets: 1, BytesDown: 5}) {
		t.Errorf("counted since %+v", got)
	}
}

func TestErrorsAndRetriesAreCounted(t *testing.T) {
	m := target.NewMeter(fail(before, after, none, before))
	if err := put(retry(m), "a", "12345"); err != nil {
		t.Fatal(err)
	}
	// Put failed, was done, and was refused; the look at what is there failed once.
	want := target.Counts{Puts: 3, Stats: 2, Gets: 1, Retries: 3, Errors: 3, BytesUp: 10, BytesDown: 5}
	if got := m.Counts(); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

// A hashing target reads a body before it stores it, and looks at it afterwards.
type hashing struct{ *targettest.Memory }

func (h hashing) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	_, err := io.Copy(io.Discard, io.NewSectionReader(body, 0, size))
	err = errors.Join(err, h.Memory.Put(ctx, name, body, size))
	_, readErr := body.ReadAt(make([]byte, 1), 0)
	return errors.Join(err, readErr)
}

func TestABodyThatIsReadTwiceIsCountedOnce(t *testing.T) {
	m := target.NewMeter(hashing{&targettest.Memory{}})
	if err := put(m, "a", "12345"); err != nil || m.Counts().BytesUp != 5 {
		t.Errorf("counted %+v, %v", m.Counts(), err)
	}
}

// A signing target hashes a body before it sends it.
type signing struct{ *targettest.Memory }

func (s signing) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	_, err := io.Copy(io.Discard, io.NewSectionReader(target.Inspect(body), 0, size))
	return errors.Join(err, s.Memory.Put(ctx, name, body, size))
}

func TestABodyIsInspectedForFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := target.NewMeter(signing{&targettest.Memory{}})
		all := target.NewRetry(target.NewThrottle(target.NewWatchdog(m, time.Second), 1000, 0), target.RetryOptions{})
		if d := took(func() { put(all, "a", string(make([]byte, 10_000))) }); !near(d, 10*time.Second) {
			t.Errorf("10 kB at 1 kB/s took %s", d)
		}
		if up := m.Counts().BytesUp; up != 10_000 {
			t.Errorf("counted %d bytes", up)
		}
		// What fails when it is inspected is still the body, and not worth a retry.
		waits := target.NewRetry(target.NewThrottle(m, 1000, 0), target.RetryOptions{Waiting: func(w target.Wait) { t.Error(w) }})
		if err := waits.Put(t.Context(), "b", failingBody{}, 10); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(err)
		}
	})
}

type failingBody struct{}

func (failingBody) ReadAt([]byte, int64) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestAMeterIsSafeForConcurrentUse(t *testing.T) {
	m := target.NewMeter(&targettest.Memory{})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			put(m, fmt.Sprint("a/", i), "12345")
			m.Counts()
		})
	}
	wg.Wait()
	if got := m.Counts(); got != (target.Counts{Puts: 20, BytesUp: 100}) {
		t.Errorf("counted %+v", got)
	}
}
