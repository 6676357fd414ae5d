package target_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// A slow target takes some time for each 10 bytes and each name, or hangs from
// the nth of these.
type slow struct {
	*targettest.Memory
	pace  time.Duration
	hangs int // from this step on; never if 0
	steps int
}

func (s *slow) step(ctx context.Context) error {
	s.steps++
	pace := s.pace
	if s.hangs > 0 && s.steps >= s.hangs {
		pace = 1000 * time.Hour
	}
	select {
	case <-time.After(pace):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *slow) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	for off := int64(0); off < size; off += 10 {
		if _, err := body.ReadAt(make([]byte, min(10, size-off)), off); err != nil {
			return err
		}
		if err := s.step(ctx); err != nil {
			return err
		}
	}
	return s.Memory.Put(ctx, name, body, size)
}

func (s *slow) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	if err := s.step(ctx); err != nil {
		return nil, err
	}
	r, err := s.Memory.Get(ctx, name, off, n)
	if err != nil {
		return nil, err
	}
	return slowReader{r, ctx, s}, nil
}

type slowReader struct {
	io.ReadCloser
	ctx context.Context
	s   *slow
}

func (r slowReader) Read(p []byte) (int, error) {
	if err := r.s.step(r.ctx); err != nil {
		return 0, err
	}
	return r.ReadCloser.Read(p[:min(len(p), 10)])
}

func (s *slow) Stat(ctx context.Context, name string) (target.Info, error) {
	if err := s.step(ctx); err != nil {
		return target.Info{}, err
	}
	return s.Memory.Stat(ctx, name)
}

func (s *slow) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	return func(yield func(target.Info, error) bool) {
		for info, err := range s.Memory.List(ctx, prefix) {
			if stepErr := s.step(ctx); stepErr != nil {
				info, err = target.Info{}, stepErr
			}
			if !yield(info, err) || err != nil {
				return
			}
		}
	}
}

func (s *slow) Delete(ctx context.Context, name string) error {
	if err := s.step(ctx); err != nil {
		return err
	}
	return s.Memory.Delete(ctx, name)
}

// all runs each operation on a target that has the objects l/0 to l/9 of 100
// bytes, and tells how each ended and how long it took.
func all(t target.Target, report func(method string, err error, took time.Duration)) {
	ctx := context.Background()
	for method, f := range map[string]func() error{
		"put":  func() error { return t.Put(ctx, "new", bytes.NewReader(make([]byte, 100)), 100) },
		"get":  func() error { _, err := get(t, "l/0", 0, -1); return err },
		"stat": func() error { _, err := t.Stat(ctx, "l/1"); return err },
		"list": func() error {
			for _, err := range t.List(ctx, "l/") {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"delete": func() error { return t.Delete(ctx, "l/9") },
	} {
		start := time.Now()
		err := f()
		report(method, err, time.Since(start))
	}
}

func newSlow(pace time.Duration, hangs int) *slow {
	s := &slow{Memory: &targettest.Memory{}, pace: pace, hangs: hangs}
	for i := range 10 {
		s.Set("l/"+string(rune('0'+i)), make([]byte, 100))
	}
	return s
}

func TestAHangIsAnErrorInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all(target.NewWatchdog(newSlow(0, 1), 0), func(method string, err error, took time.Duration) {
			var stall *target.StallError
			if !errors.As(err, &stall) || stall.Method != method {
				t.Errorf("%s: %v", method, err)
			}
			if took != 5*time.Minute {
				t.Errorf("%s: after %s", method, took)
			}
		})
		for _, s := range []string{"put", "get", "list"} { // in the midst of it
			watch := target.NewWatchdog(newSlow(time.Minute, 5), 0)
			f := map[string]func() error{
				"put": func() error { return watch.Put(t.Context(), "new", bytes.NewReader(make([]byte, 100)), 100) },
				"get": func() error { _, err := get(watch, "l/0", 0, -1); return err },
				"list": func() (last error) {
					for _, err := range watch.List(t.Context(), "l/") {
						last = err
					}
					return last
				},
			}[s]
			start := time.Now()
			var stall *target.StallError
			if err := f(); !errors.As(err, &stall) || time.Since(start) != 9*time.Minute {
				t.Errorf("%s: %v after %s", s, err, time.Since(start))
			}
		}
	})
}

func TestWhatMovesSlowlyIsNoHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all(target.NewWatchdog(newSlow(4*time.Minute, 0), 0), func(method string, err error, took time.Duration) {
			if err != nil {
				t.Errorf("%s: %v after %s", method, err, took)
			}
		})
	})
}

// A slow body takes its time.
type slowBody struct{ io.ReaderAt }

func (b slowBody) ReadAt(p []byte, off int64) (int, error) {
	time.Sleep(time.Hour)
	return b.ReaderAt.ReadAt(p, off)
}

func TestTheTimeOfTheCallerDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := target.NewWatchdog(newSlow(time.Minute, 0), 0)
		if err := w.Put(t.Context(), "new", slowBody{bytes.NewReader(make([]byte, 30))}, 30); err != nil {
			t.Error(err)
		}
		r, err := w.Get(t.Context(), "new", 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if b, err := io.ReadAll(r); err != nil || len(b) != 30 {
			t.Errorf("read %d bytes, %v", len(b), err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		for info, err := range w.List(t.Context(), "l/") {
			if err != nil {
				t.Errorf("%s: %v", info.Name, err)
			}
			time.Sleep(time.Hour)
		}
	})
}

func TestAHangIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlow(0, 3)
		r := target.NewRetry(target.NewWatchdog(s, time.Minute), target.RetryOptions{Waiting: func(target.Wait) { s.hangs = 0 }})
		if got, err := get(r, "l/0", 0, -1); err != nil || len(got) != 100 {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
	})
}

func TestACancelledCallIsNoStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := target.NewWatchdog(newSlow(time.Hour, 0), 0).Stat(ctx, "l/0"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// A queueing target has each Stat wait for its turn.
type queueing struct {
	*targettest.Memory
	turn, answer time.Duration
}

func (q queueing) Stat(ctx context.Context, name string) (target.Info, error) {
	resume := target.Pause(ctx)
	time.Sleep(q.turn)
	resume()
	select {
	case <-time.After(q.answer):
		return q.Memory.Stat(ctx, name)
	case <-ctx.Done():
		return target.Info{}, ctx.Err()
	}
}

func TestAWaitOnPurposeIsNoStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queueing{&targettest.Memory{}, time.Hour, 4 * time.Minute}
		q.Set("a", []byte("x"))
		w := target.NewWatchdog(target.NewRetry(q, target.RetryOptions{}), 0)
		if _, err := w.Stat(t.Context(), "a"); err != nil {
			t.Error(err)
		}
		q.answer = 6 * time.Minute
		var stall *target.StallError
		if _, err := target.NewWatchdog(q, 0).Stat(t.Context(), "a"); !errors.As(err, &stall) {
			t.Errorf("then it hangs: %v", err)
		}
		if _, err := q.Stat(t.Context(), "a"); err != nil {
			t.Errorf("nobody watches: %v", err)
		}
	})
}
