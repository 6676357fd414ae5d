package repo

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestAGateIsWaitedForNoLongerThanTheContextLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		if err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		why := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		refused := make(chan error, 1)
		go func() { refused <- g.enter(ctx) }()
		entered := make(chan error, 1)
		go func() { entered <- g.enter(t.Context()) }()
		synctest.Wait()
		if len(refused)+len(entered) > 0 {
			t.Fatal("a second one was let in")
		}
		cancel(why)
		if err := <-refused; !errors.Is(err, why) {
			t.Errorf("%v", err)
		}
		g.leave()
		if err := <-entered; err != nil {
			t.Error(err)
		}
		g.leave()
		if err := g.enter(ctx); !errors.Is(err, why) {
			t.Errorf("a free gate, with a context that has ended: %v", err)
		}
	})
}
