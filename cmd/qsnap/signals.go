package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"
)

var errInterrupted = errors.New("interrupted")

// patience is how long an interrupted command has to end by itself. A repository
// stands being left at any moment.
const patience = 900 * time.Millisecond

// withSignals returns a context that ends when the user interrupts the program.
// What doesn't heed it, such as a prompt, is left behind.
func withSignals(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	terminal, _ := term.GetState(int(os.Stdin.Fd())) // which a prompt may have changed
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
		}
		if terminal != nil {
			_ = term.Restore(int(os.Stdin.Fd()), terminal)
		}
		os.Exit(exitInterrupted)
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
	}
}

func interrupted(ctx context.Context) bool {
	return errors.Is(context.Cause(ctx), errInterrupted)
}
