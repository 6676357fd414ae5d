package repo_test

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

// A prune that has chosen a pack refreshes its index, and meets the moment in which
// others have replaced, for the second time, the delta that lists the pack. It knows
// no more what is in the pack, some of which a writer needs again.
func TestSimAPruneDeletesNoPackThatItsIndexHasLost(t *testing.T) {
	t.Parallel()
	p := &program{name: "lost from the index", stage: newStage(t, "xY").forget(t, "xY"), actors: []actor{
		writer("w", "xz"), hastyPruner("p"),
		{name: "e", role: relists(2), may: relisting},
	}}
	tellStory(t, p,
		chapter{"p", "put quarantine/", 1}, // it has read what is needed
		chapter{"w", "put snapshots/", 1},  // it has found nothing in quarantine
		chapter{"e", "list index/", 2},
		chapter{"p", "get index/", 1}, // it has met a tree that it doesn't know
		chapter{"p", "get index/", 2},
		chapter{"e", "", 0},
		chapter{"p", "", 0},
		chapter{"w", "", 0},
	)
}

// One prune has moved what is needed of a pack to another, and is about to put the
// first in quarantine. Another prune takes that to be the better copy, and deletes the
// new one.
func TestSimTwoPrunesDontRelyOnEachOthersPacks(t *testing.T) {
	t.Parallel()
	p := &program{name: "two prunes, two copies", stage: halfDead(t), actors: []actor{hastyPruner("p1"), hastyPruner("p2"), remover()}}
	begin := []chapter{
		{"p1", "put packs/", 1},
		{"p1", "put quarantine/", 1},
		{"u", "", 0},
		{"p2", "delete packs/", 1}, // the new one
	}
	tellStory(t, p, append(begin, chapter{"p1", "", 0}, chapter{"p2", "", 0})...)
	tellStory(t, p, append(begin,
		chapter{"p1", "list quarantine/", 1}, // and which packs there are, in no other order
		chapter{"p2", "put packs/", 1},       // the new one is gone, and left quarantine
		chapter{"p1", "", 0}, chapter{"p2", "", 0})...)
}
