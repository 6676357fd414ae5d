package sim

import (
	"time"

	"github.com/qsnap/qsnap/repo"
)

// The actors of most programs.
func writer(name string, trees ...string) actor {
	return actor{name: name, role: writes(trees...), may: writing}
}

func pruner(name string) actor {
	return actor{name: name, role: prunes(repo.PruneOptions{}), may: pruning}
}

func forgetter(trees ...string) actor {
	return actor{name: "f", role: forgets(trees...), may: forgetting, forgets: true}
}

// hastyPruner is a pruner that soon takes everybody for dead: its clock runs on by more
// than a day whenever it looks at it.
func hastyPruner(name string) actor {
	a := pruner(name)
	a.rush = 25 * time.Hour
	return a
}

func remover() actor { return actor{name: "u", role: removesLeases, may: unleasing} }

// slowWriter is a writer that takes longer for two directories than between two
// checkpoints.
func slowWriter(name string, trees ...string) actor {
	return actor{name: name, role: writesSlowly(90*time.Second, trees...), may: writing, mortal: true}
}
