package gate

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestAGateIsWaitedForNoLongerThanTheContextLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New()
		if err := g.Enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		why := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		refused := make(chan error, 1)
		go func() { refused <- g.Enter(ctx) }()
		entered := make(chan error, 1)
		go func() { entered <- g.Enter(t.Context()) }()
		synctest.Wait()
		if len(refused)+len(entered) > 0 {
			t.Fatal("a second one was let in")
		}
		cancel(why)
		if err := <-refused; !errors.Is(err, why) {
			t.Errorf("%v", err)
		}
		g.Leave()
		if err := <-entered; err != nil {
			t.Error(err)
		}
		g.Leave()
		if err := g.Enter(ctx); !errors.Is(err, why) {
			t.Errorf("a free gate, with a context that has ended: %v", err)
		}
	})
}
