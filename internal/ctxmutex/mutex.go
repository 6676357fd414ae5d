// Package ctxmutex is a mutex whose waiters wait no longer than their context lasts.
package ctxmutex

import "context"

// A Mutex is held by one goroutine at a time. It is for a holder that may wait for the
// target: the others wait no longer than their contexts last.
type Mutex chan struct{}

// New returns an unlocked mutex.
func New() Mutex { return make(Mutex, 1) }

// Lock locks the mutex. After an error, Unlock must not be called.
func (m Mutex) Lock(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	select {
	case m <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Unlock unlocks the mutex.
func (m Mutex) Unlock() { <-m }
