package ctxmutex

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestAWaiterWaitsNoLongerThanItsContextLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New()
		if err := m.Lock(t.Context()); err != nil {
			t.Fatal(err)
		}
		why := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		refused := make(chan error, 1)
		go func() { refused <- m.Lock(ctx) }()
		locked := make(chan error, 1)
		go func() { locked <- m.Lock(t.Context()) }()
		synctest.Wait()
		if len(refused)+len(locked) > 0 {
			t.Fatal("a second holder locked the mutex")
		}
		cancel(why)
		if err := <-refused; !errors.Is(err, why) {
			t.Errorf("%v", err)
		}
		m.Unlock()
		if err := <-locked; err != nil {
			t.Error(err)
		}
		m.Unlock()
		if err := m.Lock(ctx); !errors.Is(err, why) {
			t.Errorf("an unlocked mutex, with a context that has ended: %v", err)
		}
	})
}
