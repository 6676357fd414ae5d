package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/qsnap/qsnap/internal/term"
)

// patience is how long an interrupted command has to end by itself. A repository
// stands being left at any moment.
const patience = 900 * time.Millisecond

// stoppableKey is that of an *atomic.Bool in the context: see endsBySignal.
type stoppableKey struct{}

// withSignals returns a context that ends when the user interrupts the program.
// What doesn't heed it, such as a prompt, is left behind.
func withSignals(ctx context.Context) (context.Context, func()) {
	stoppable := new(atomic.Bool)
	ctx, cancel := context.WithCancelCause(context.WithValue(ctx, stoppableKey{}, stoppable))
	restore := term.Settings(os.Stdin) // which a prompt may change
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		if _, ok := <-signals; !ok {
			return
		}
		cancel(errInterrupted)
		select {
		case _, ok := <-signals:
			if !ok {
				return
			}
		case <-time.After(patience):
			if stoppable.Load() {
				if _, ok := <-signals; !ok {
					return
				}
			}
		}
		_ = restore()
		os.Exit(exitInterrupted)
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
	}
}

// endsBySignal says of a command that a signal is how it ends: the first is no
// interruption and gives it all the time it takes; the second still ends it at once.
func endsBySignal(ctx context.Context) {
	if stoppable, ok := ctx.Value(stoppableKey{}).(*atomic.Bool); ok {
		stoppable.Store(true)
	}
}

func interrupted(ctx context.Context) bool {
	stoppable, ok := ctx.Value(stoppableKey{}).(*atomic.Bool)
	return errors.Is(context.Cause(ctx), errInterrupted) && !(ok && stoppable.Load())
}
