package sim

import (
	"slices"
	"time"

	"github.com/qsnap/qsnap/repo"
)

// writer takes a snapshot of each tree in turn.
func writer(name string, trees ...string) actor {
	return actor{name: name, role: writes(trees...), footprint: writing}
}

// verifier takes a full snapshot of each tree in turn. If it finds damage, it also deletes.
func verifier(name string, trees ...string) actor {
	return actor{name: name, role: verifies(trees...), footprint: append(slices.Clone(writing), pruning...)}
}

// pruner prunes once.
func pruner(name string) actor {
	return actor{name: name, role: prunes(repo.PruneOptions{}), footprint: pruning}
}

// forgetter forgets the snapshots of some trees.
func forgetter(trees ...string) actor {
	return actor{name: "f", role: forgets(trees...), footprint: forgetting, mayForget: true}
}

// hastyPruner is a pruner that soon declares every other run dead: its clock advances by
// more than a day whenever it is read.
func hastyPruner(name string) actor {
	a := pruner(name)
	a.clockStep = 25 * time.Hour
	return a
}

// leaseRemover deletes all leases.
func leaseRemover() actor { return actor{name: "u", role: removesLeases, footprint: unleasing} }

// slowWriter is a writer that needs more time for two directories than there is between two
// checkpoints.
func slowWriter(name string, trees ...string) actor {
	return actor{name: name, role: writesSlowly(90*time.Second, trees...), footprint: writing, mortal: true}
}
