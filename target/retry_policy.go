package target

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// RetryOptions configure a Retry. The zero value is useful.
type RetryOptions struct {
	// MaxElapsed is how long an operation may keep failing, counted from its first failure.
	// For a Get or List it is counted from the first failure since the last byte or name.
	// Zero means 15 minutes, so that a target may be unavailable for ten.
	MaxElapsed time.Duration
	// Waiting is called before each wait, by any goroutine.
	Waiting func(Wait)

	// Now and Sleep are the clock, and Random returns a number in [0, 1). If nil, they come
	// from package time and package math/rand/v2.
	Now    func() time.Time
	Sleep  func(context.Context, time.Duration) error
	Random func() float64
}

// A Wait is a pause before an operation is repeated.
type Wait struct {
	Method, Name string // of the operation
	Err          error  // why it failed
	Failures     int    // so far
	Delay        time.Duration
}

// String gives the reason and the length of the wait.
func (w Wait) String() string {
	return fmt.Sprintf("%v: trying again in %.1f s", w.Err, w.Delay.Seconds())
}

// Waits have exponentially growing length with full jitter: a random length from zero to
// a bound that doubles with each failure (Marc Brooker, "Exponential Backoff And Jitter",
// AWS Architecture Blog, 2015). That spreads out clients that lost the same target at
// once.
const (
	firstWait         = time.Second
	longestWait       = 30 * time.Second
	defaultMaxElapsed = 15 * time.Minute
)

func (o *RetryOptions) fill() {
	if o.MaxElapsed <= 0 {
		o.MaxElapsed = defaultMaxElapsed
	}
	if o.Waiting == nil {
		o.Waiting = func(Wait) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// An operation is one operation with all its attempts.
type operation struct {
	o            *RetryOptions
	method, name string
	failures     int // since the last progress
	since        time.Time
}

func (r *Retry) operation(method, name string) *operation {
	return &operation{o: &r.o, method: method, name: name}
}

// Do calls f until it succeeds or fails for good, as a Retry does with operations that
// can safely be repeated, such as opening a target.
func (o RetryOptions) Do(ctx context.Context, method, name string, f func(context.Context) error) error {
	o.fill()
	return (&operation{o: &o, method: method, name: name}).do(ctx, f)
}

func (e *operation) do(ctx context.Context, f func(context.Context) error) error {
	for {
		err := f(e.context(ctx))
		if err == nil {
			return nil
		}
		if err := e.retry(ctx, err); err != nil {
			return err
		}
	}
}

type repeatKey struct{}

// context returns the context for the next attempt. It tells a Meter whether that is the
// first attempt.
func (e *operation) context(ctx context.Context) context.Context {
	if e.failures == 0 {
		return ctx
	}
	return context.WithValue(ctx, repeatKey{}, true)
}

func isRepeat(ctx context.Context) bool { return ctx.Value(repeatKey{}) != nil }

// progress resets the count of failures.
func (e *operation) progress() { e.failures = 0 }

// retry waits after a failure until it is time to repeat the operation. If repeating is
// useless or the time is up, it returns the error to give up with.
func (e *operation) retry(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return cancelled(ctx, err)
	}
	if !Temporary(err) {
		return err
	}
	now := e.o.Now()
	if e.failures++; e.failures == 1 {
		e.since = now
	}
	left := e.o.MaxElapsed - now.Sub(e.since)
	asked := retryAfter(err)
	if left <= 0 || asked > left {
		return &givenUp{err, e.failures, now.Sub(e.since).Round(time.Second)}
	}
	delay := max(asked, min(left, time.Duration(e.o.Random()*float64(e.bound()))))
	e.o.Waiting(Wait{e.method, e.name, err, e.failures, delay})
	if e.o.Sleep(ctx, delay) != nil {
		return cancelled(ctx, err)
	}
	return nil
}

// ErrGivenUp is matched by the error of an operation that was repeated until its time was
// up.
var ErrGivenUp = errors.New("given up")

type givenUp struct {
	error
	attempts int
	after    time.Duration
}

func (g *givenUp) Error() string {
	return fmt.Sprintf("%v (given up after %d attempts in %s)", g.error, g.attempts, g.after)
}

func (g *givenUp) Unwrap() error        { return g.error }
func (g *givenUp) Is(target error) bool { return target == ErrGivenUp }

// bound returns the longest length of the next wait.
func (e *operation) bound() time.Duration {
	bound := firstWait
	for range e.failures - 1 {
		if bound *= 2; bound >= longestWait {
			return longestWait
		}
	}
	return bound
}

// cancelled returns the context's error, together with the error before it.
func cancelled(ctx context.Context, err error) error {
	if ctx.Err() == nil || errors.Is(err, ctx.Err()) {
		return err
	}
	return fmt.Errorf("%w, after: %w", ctx.Err(), err)
}

// retryAfter returns how long the target asked the client to wait, as with the header of
// that name (RFC 9110, 10.2.3): the error has a method RetryAfter.
func retryAfter(err error) time.Duration {
	if a, ok := errors.AsType[interface {
		error
		RetryAfter() time.Duration
	}](err); ok {
		return max(0, a.RetryAfter())
	}
	return 0
}
