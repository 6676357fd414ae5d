package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// A chapter of a story is what one actor does until it is about to do something, the
// so-manieth time; "" is to its end.
type chapter struct {
	actor  string
	before string // such as "put pending/"
	times  int
}

// tellStory makes the one run of a program that goes so, and fails the test if a
// promise is broken. It is for runs with more interruptions than can be explored.
func tellStory(t *testing.T, p *program, story ...chapter) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, p, newAuditor(t, p.stage))
		defer w.close()
		fail := func(err error) {
			t.Fatalf("broken promise in program %q: %v, after\n%s", p.name, err, traceText(w.moves, w.actors))
		}
		for _, c := range story {
			if err := w.tell(c); err != nil {
				fail(err)
			}
		}
		if len(w.takes()) > 0 {
			t.Fatalf("the story ends too early: %s", w.takes()[0].text(w.actors))
		}
		if err := finale(w); err != nil {
			fail(err)
		}
	})
}

func (w *world) tell(c chapter) error {
	actor := slices.IndexFunc(w.actors, func(a *actor) bool { return a.name == c.actor })
	for left := c.times; ; {
		own := keep(w.takes(), func(m move) bool { return m.actor == actor })
		if len(own) == 0 && c.before != "" {
			return fmt.Errorf("%s never comes to %q", c.actor, c.before)
		}
		if len(own) == 0 {
			return nil
		}
		if c.before != "" && strings.HasPrefix(own[0].op.String(), c.before) {
			if left--; left <= 0 {
				return nil
			}
		}
		if err := w.do(own[0]); err != nil {
			return err
		}
		if err := w.check(); err != nil {
			return err
		}
	}
}
