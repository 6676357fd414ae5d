package sim

import (
	"slices"
	"strings"

	"github.com/qsnap/qsnap/target/targettest"
)

// A footprint is a set of operations: each is a method and what the name begins with, such
// as "put packs/". That of an actor is what it may change.
type footprint []string

// writing is the footprint of actors that take snapshots.
var writing = footprint{
	"put leases/", "delete leases/", "put packs/", "put index/", "put pending/", "delete pending/", "put snapshots/",
}

// The footprints of actors that delete.
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

// disturb reports whether anything in the footprint can change the outcome of an operation
// that changes nothing. exists says whether that operation's object exists.
func (f footprint) disturb(op targettest.Op, exists bool) bool {
	return slices.ContainsFunc(f, func(s string) bool {
		method, prefix, _ := strings.Cut(s, " ")
		if op.Method == "list" {
			return strings.HasPrefix(prefix, op.Name) || strings.HasPrefix(op.Name, prefix)
		}
		return strings.HasPrefix(op.Name, prefix) && (method == "delete") == exists
	})
}

// protocol are the operations that the protocol of deleting is about.
var protocol = footprint{
	"list pending/", "put pending/", "delete pending/", "list snapshots/", "put snapshots/", "delete snapshots/", "get snapshots/",
	"list quarantine/", "put quarantine/", "delete quarantine/", "list packs/", "put packs/", "delete packs/", "stat packs/",
}

// amongPrunes are the operations by which prunes notice each other.
var amongPrunes = footprint{
	"list quarantine/", "put quarantine/", "delete quarantine/", "list packs/", "put packs/", "delete packs/",
}

// under returns the same operations below a prefix.
func (f footprint) under(prefix string) (out footprint) {
	for _, s := range f {
		method, name, _ := strings.Cut(s, " ")
		out = append(out, method+" "+prefix+name)
	}
	return out
}
