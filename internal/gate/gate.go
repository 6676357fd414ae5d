// Package gate is a mutex whose waiters wait no longer than their context lasts.
package gate

import "context"

// A Gate lets one goroutine in at a time, as a mutex does, where the one inside may
// have to wait for the target: others wait no longer than their context lasts.
type Gate chan struct{}

// New returns an open gate.
func New() Gate { return make(Gate, 1) }

// Enter waits until nobody is inside. After an error, Leave must not be called.
func (g Gate) Enter(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Leave lets the next one in.
func (g Gate) Leave() { <-g }
