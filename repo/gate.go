package repo

import "context"

// A gate lets one goroutine in at a time, as a mutex does, where the one inside may
// have to wait for the target: others wait no longer than their context lasts.
type gate chan struct{}

func newGate() gate { return make(gate, 1) }

// enter waits until nobody is inside. After an error, leave must not be called.
func (g gate) enter(ctx context.Context) error {
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

func (g gate) leave() { <-g }
