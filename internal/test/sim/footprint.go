package sim

import (
	"slices"
	"strings"

	"github.com/qsnap/qsnap/target/targettest"
)

// amongPrunes is what prunes tell each other.
var amongPrunes = footprint{
	"list quarantine/", "put quarantine/", "delete quarantine/", "list packs/", "put packs/", "delete packs/",
}

// A footprint is what an actor may change, such as "put packs/": a method, and what
// the names begin with.
type footprint []string

// writing is the footprint of those who take snapshots.
var writing = footprint{
	"put leases/", "delete leases/", "put packs/", "put index/", "put pending/", "delete pending/", "put snapshots/",
}

// The footprints of those who delete.
var (
	pruning = footprint{
		"put leases/", "delete leases/", "put packs/", "delete packs/", "put index/", "delete index/", "put quarantine/", "delete quarantine/",
		"put snapshots/", "delete pending/", "delete forgotten/", "delete marks/",
	}
	forgetting = footprint{"put forgotten/", "delete snapshots/"}
	leasing    = footprint{"put leases/", "delete leases/"}
	relisting  = footprint{"put index/", "delete index/"}
	unleasing  = footprint{"delete leases/"}
)

// has reports whether an operation is in the footprint.
func (f footprint) has(op targettest.Op) bool {
	return slices.ContainsFunc(f, func(s string) bool { return strings.HasPrefix(op.Method+" "+op.Name, s) })
}

// disturb reports whether anything in the footprint can change the outcome of an
// operation that changes nothing. exists says whether its object is there.
func (f footprint) disturb(op targettest.Op, exists bool) bool {
	return slices.ContainsFunc(f, func(s string) bool {
		method, prefix, _ := strings.Cut(s, " ")
		if op.Method == "list" {
			return strings.HasPrefix(prefix, op.Name) || strings.HasPrefix(op.Name, prefix)
		}
		return strings.HasPrefix(op.Name, prefix) && (method == "delete") == exists
	})
}

// protocol is what matters to the protocol of deleting.
var protocol = footprint{
	"list pending/", "put pending/", "delete pending/", "list snapshots/", "put snapshots/", "delete snapshots/", "get snapshots/",
	"list quarantine/", "put quarantine/", "delete quarantine/", "list packs/", "put packs/", "delete packs/", "stat packs/",
}

// below returns the footprint of who does the same below a prefix.
func (f footprint) below(prefix string) (out footprint) {
	for _, s := range f {
		method, name, _ := strings.Cut(s, " ")
		out = append(out, method+" "+prefix+name)
	}
	return out
}
