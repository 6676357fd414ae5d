package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"sync"
	"time"
)

// StallLimit is how long a Watchdog waits for a byte by default.
const StallLimit = 5 * time.Minute

// A Watchdog gives up operations of the target that it wraps when nothing has moved for
// some time: no byte of a body was read or received, and no name arrived. They fail with
// a *StallError. The time that the caller takes, for its body or between two reads,
// doesn't count, nor does a target's intentional wait: see Pause. A Watchdog is safe for
// concurrent use.
//
// It relies on the target to respect its context. Objects can't be staged through it,
// because reading and writing them has no context.
type Watchdog struct {
	t     Target
	limit time.Duration
}

// A StallError says that an operation was given up because nothing moved.
type StallError struct {
	Method, Name string
	After        time.Duration
}

// Error names the operation.
func (e *StallError) Error() string {
	return fmt.Sprintf("%s %s: nothing has moved for %s", e.Method, e.Name, e.After)
}

// Temporary returns true: see the function Temporary.
func (e *StallError) Temporary() bool { return true }

// NewWatchdog returns a Watchdog around a target. A limit of zero means StallLimit.
func NewWatchdog(t Target, limit time.Duration) *Watchdog {
	if limit <= 0 {
		limit = StallLimit
	}
	return &Watchdog{t, limit}
}

// Unwrap returns the target beneath.
func (w *Watchdog) Unwrap() Target { return w.t }

// Cover hides Stager, and makes the Watchdog guard optional calls, except those that may
// take long.
func (w *Watchdog) Cover(want, found any) any {
	switch want.(type) {
	case *Stager:
		return nil
	case *SpaceReporter, *CreateOnlyReporter, *Locker:
		return capability{w.ask, found}
	}
	return found
}

// A guard cancels an operation's context when its time is up.
type guard struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	stall  *StallError

	mu     sync.Mutex
	pauses int
	timer  *time.Timer
}

func (w *Watchdog) guard(ctx context.Context, method, name string) *guard {
	g := &guard{stall: &StallError{method, name, w.limit}}
	g.ctx, g.cancel = context.WithCancelCause(context.WithValue(ctx, guardKey{}, g))
	g.timer = time.AfterFunc(w.limit, func() { g.cancel(g.stall) })
	return g
}

type guardKey struct{}

// Pause stops the clock of the Watchdog that an operation runs under, if there is one,
// until the caller calls resume. Targets that wait on purpose, such as for their turn,
// call it with the operation's context.
func Pause(ctx context.Context) (resume func()) {
	g, ok := ctx.Value(guardKey{}).(*guard)
	if !ok {
		return func() {}
	}
	g.pause()
	return g.resume
}

// pause stops the clock until resume was called as often.
func (g *guard) pause() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pauses++
	g.timer.Stop()
}

func (g *guard) resume() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pauses--; g.pauses == 0 {
		g.timer.Reset(g.stall.After)
	}
}

// end releases the guard.
func (g *guard) end() {
	g.pause()
	g.cancel(nil)
}

// explain returns the operation's error, or the StallError if the Watchdog ended it.
func (g *guard) explain(err error) error {
	given := err != nil && err != io.EOF && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist)
	if given && context.Cause(g.ctx) == error(g.stall) {
		return g.stall
	}
	return err
}

// Put implements Target.
func (w *Watchdog) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	g := w.guard(ctx, "put", name)
	defer g.end()
	return g.explain(w.t.Put(g.ctx, name, watchedBody{body, g}, size))
}

type watchedBody struct {
	body io.ReaderAt
	g    *guard
}

func (b watchedBody) ReadAt(p []byte, off int64) (int, error) {
	b.g.pause()
	defer b.g.resume()
	return b.body.ReadAt(p, off)
}

func (b watchedBody) Inspect() io.ReaderAt { return watchedBody{Inspect(b.body), b.g} }

// Get implements Target.
func (w *Watchdog) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	g := w.guard(ctx, "get", name)
	r, err := w.t.Get(g.ctx, name, off, n)
	if err != nil {
		defer g.end()
		return nil, g.explain(err)
	}
	g.pause()
	return watchedReader{r, g}, nil
}

type watchedReader struct {
	r io.ReadCloser
	g *guard
}

func (r watchedReader) Read(p []byte) (int, error) {
	r.g.resume()
	defer r.g.pause()
	n, err := r.r.Read(p)
	return n, r.g.explain(err)
}

func (r watchedReader) Close() error {
	defer r.g.end()
	return r.r.Close()
}

// Stat implements Target.
func (w *Watchdog) Stat(ctx context.Context, name string) (Info, error) {
	g := w.guard(ctx, "stat", name)
	defer g.end()
	info, err := w.t.Stat(g.ctx, name)
	return info, g.explain(err)
}

// List implements Target.
func (w *Watchdog) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		g := w.guard(ctx, "list", prefix)
		defer g.end()
		for info, err := range w.t.List(g.ctx, prefix) {
			g.pause()
			if !yield(info, g.explain(err)) {
				return
			}
			g.resume()
		}
	}
}

// Delete implements Target.
func (w *Watchdog) Delete(ctx context.Context, name string) error {
	g := w.guard(ctx, "delete", name)
	defer g.end()
	return g.explain(w.t.Delete(g.ctx, name))
}

// ask guards an optional call.
func (w *Watchdog) ask(ctx context.Context, method, name string, f func(context.Context) error) error {
	g := w.guard(ctx, method, name)
	defer g.end()
	return g.explain(f(g.ctx))
}
