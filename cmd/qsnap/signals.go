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

// patience is how long an interrupted command may take to end by itself. A repository stays
// sound whenever a command ends.
const patience = 900 * time.Millisecond

// stoppableKey is the key of an *atomic.Bool in the context: see endsBySignal.
type stoppableKey struct{}

// withSignals returns a context that ends when the user interrupts the program.
// What ignores the context, such as a prompt, does not keep the program from ending.
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

// endsBySignal says that a command normally ends by a signal. The first signal is then no
// interruption, and the command may take any time to end. The second ends it at once.
func endsBySignal(ctx context.Context) {
	if stoppable, ok := ctx.Value(stoppableKey{}).(*atomic.Bool); ok {
		stoppable.Store(true)
	}
}

func interrupted(ctx context.Context) bool {
	stoppable, ok := ctx.Value(stoppableKey{}).(*atomic.Bool)
	return errors.Is(context.Cause(ctx), errInterrupted) && !(ok && stoppable.Load())
}
