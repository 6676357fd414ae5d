package target

import (
	"context"
	"io"
	"iter"
	"sync"
	"time"
)

// A Throttle limits the rate of bytes to and from the target that it wraps, for all
// operations together. It is safe for concurrent use.
//
// A body is charged each time the target reads it, except through Inspect. Staged objects
// are charged when they are written. Put a Throttle beneath a Retry, so that repeated
// bytes are charged again, and above a Watchdog, which would take its waits for a stall.
type Throttle struct {
	t        Target
	up, down *bucket
}

// NewThrottle returns a Throttle around a target, with limits in bytes per second for
// each direction. Zero means no limit.
func NewThrottle(t Target, up, down int64) *Throttle {
	return &Throttle{t, newBucket(up), newBucket(down)}
}

// Unwrap returns the target beneath.
func (t *Throttle) Unwrap() Target { return t.t }

// Cover makes the Throttle limit staged objects.
func (t *Throttle) Cover(want, found any) any {
	if _, ok := want.(*Stager); ok {
		return throttledStager{t, found.(Stager)}
	}
	return found
}

// Put implements Target.
func (t *Throttle) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	return t.t.Put(ctx, name, throttledBody{ctx, body, t.up}, size)
}

type throttledBody struct {
	ctx    context.Context
	body   io.ReaderAt
	bucket *bucket
}

func (b throttledBody) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.body.ReadAt(p, off)
	if err := b.bucket.take(b.ctx, n); err != nil {
		return 0, err
	}
	return n, err
}

func (b throttledBody) Inspect() io.ReaderAt { return Inspect(b.body) }

// Get implements Target.
func (t *Throttle) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	r, err := t.t.Get(ctx, name, off, n)
	if err != nil || t.down == nil {
		return r, err
	}
	return throttledReader{r, ctx, t.down}, nil
}

type throttledReader struct {
	io.ReadCloser
	ctx    context.Context
	bucket *bucket
}

func (r throttledReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p[:min(len(p), r.bucket.burst)])
	if err := r.bucket.take(r.ctx, n); err != nil {
		return 0, err
	}
	return n, err
}

// Stat implements Target.
func (t *Throttle) Stat(ctx context.Context, name string) (Info, error) { return t.t.Stat(ctx, name) }

// List implements Target.
func (t *Throttle) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return t.t.List(ctx, prefix)
}

// Delete implements Target.
func (t *Throttle) Delete(ctx context.Context, name string) error { return t.t.Delete(ctx, name) }

type throttledStager struct {
	t       *Throttle
	beneath Stager
}

func (s throttledStager) Stage(ctx context.Context) (Staged, error) {
	staged, err := s.beneath.Stage(ctx)
	if err != nil {
		return nil, err
	}
	return throttledStaged{staged, ctx, s.t}, nil
}

type throttledStaged struct {
	Staged
	ctx context.Context // of Stage
	t   *Throttle
}

func (s throttledStaged) WriteAt(p []byte, off int64) (int, error) {
	if err := s.t.up.take(s.ctx, len(p)); err != nil {
		return 0, err
	}
	return s.Staged.WriteAt(p, off)
}

func (s throttledStaged) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.Staged.ReadAt(p, off)
	if err := s.t.down.take(s.ctx, n); err != nil {
		return 0, err
	}
	return n, err
}

// A bucket limits a rate of bytes. It is a token bucket that may be overdrawn: taking
// much means waiting long, and then continuing at once. A nil bucket has no limit.
type bucket struct {
	rate  float64 // bytes per second
	burst int     // bytes that may pass at once after idle time: a quarter of a second's

	mu   sync.Mutex
	paid time.Time // when the bytes that have passed will be paid for
}

func newBucket(rate int64) *bucket {
	if rate <= 0 {
		return nil
	}
	return &bucket{rate: float64(rate), burst: int(max(1, min(rate/4, 1<<20)))}
}

// take returns when n bytes may pass.
func (b *bucket) take(ctx context.Context, n int) error {
	if b == nil || n == 0 {
		return nil
	}
	wait := b.charge(n)
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// charge counts n bytes, and returns how long they must wait.
func (b *bucket) charge(n int) time.Duration {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if earliest := now.Add(-b.time(b.burst)); b.paid.Before(earliest) {
		b.paid = earliest
	}
	b.paid = b.paid.Add(b.time(n))
	return b.paid.Sub(now)
}

// time returns how long n bytes take at the rate.
func (b *bucket) time(n int) time.Duration {
	return time.Duration(float64(n) / b.rate * float64(time.Second))
}
