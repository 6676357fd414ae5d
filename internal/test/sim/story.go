package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// A chapter is what one actor does until it is about to make an operation for the n-th time,
// or with none, until it ends.
type chapter struct {
	actor  string
	before string // what the operation begins with, such as "put pending/"
	times  int
}

// playStory makes one given run of a program. It fails the test if a promise is broken. It
// is for runs that have more interruptions than can be explored.
func playStory(t *testing.T, p *program, story ...chapter) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, p, newAuditor(t, p.stage))
		defer w.close()
		fail := func(err error) {
			t.Fatalf("broken promise in program %q: %v, after\n%s", p.name, err, traceText(w.moves, w.actors))
		}
		for _, c := range story {
			if err := w.play(c); err != nil {
				fail(err)
			}
		}
		if len(w.operations()) > 0 {
			t.Fatalf("the story ends too early: %s", w.operations()[0].text(w.actors))
		}
		if err := checkEnd(w); err != nil {
			fail(err)
		}
	})
}

// play makes the moves of a chapter.
func (w *world) play(c chapter) error {
	actor := slices.IndexFunc(w.actors, func(a *actor) bool { return a.name == c.actor })
	for left := c.times; ; {
		own := keep(w.operations(), func(m move) bool { return m.actor == actor })
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
