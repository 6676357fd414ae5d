package sim

import (
	"testing"
)

// A prune that has chosen a pack refreshes its index, and meets the moment in which
// others have replaced, for the second time, the delta that lists the pack. It knows
// no more what is in the pack, some of which a writer needs again.
func TestAPruneDeletesNoPackThatItsIndexHasLost(t *testing.T) {
	t.Parallel()
	p := &program{name: "lost from the index", stage: newStage(t, "xY").forget(t, "xY"), actors: []actor{
		writer("w", "xz"), hastyPruner("p"),
		{name: "e", role: replacesDeltas(2), footprint: relisting},
	}}
	playStory(t, p,
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
func TestTwoPrunesDontRelyOnEachOthersPacks(t *testing.T) {
	t.Parallel()
	p := &program{name: "two prunes, two copies", stage: halfDead(t), actors: []actor{hastyPruner("p1"), hastyPruner("p2"), leaseRemover()}}
	begin := []chapter{
		{"p1", "put packs/", 1},
		{"p1", "put quarantine/", 1},
		{"u", "", 0},
		{"p2", "delete packs/", 1}, // the new one
	}
	playStory(t, p, append(begin, chapter{"p1", "", 0}, chapter{"p2", "", 0})...)
	playStory(t, p, append(begin,
		chapter{"p1", "list quarantine/", 1}, // and which packs there are, in no other order
		chapter{"p2", "put packs/", 1},       // the new one is gone, and left quarantine
		chapter{"p1", "", 0}, chapter{"p2", "", 0})...)
}
