package object

import (
	"bytes"
	"encoding/hex"
	"strings"

	"github.com/zeebo/blake3"
)

// A Kind is a kind of objects: the prefix of their names, which ends in a slash.
type Kind string

// The kinds of objects. The packages that own them specify their contents.
const (
	Keys       Kind = "keys/"
	Epochs     Kind = "epochs/"
	Packs      Kind = "packs/"
	Deltas     Kind = "index/"
	Snapshots  Kind = "snapshots/"
	Pending    Kind = "pending/"
	Leases     Kind = "leases/"
	Quarantine Kind = "quarantine/"
	Forgotten  Kind = "forgotten/"
	Marks      Kind = "marks/"
	Losses     Kind = "losses/"
	Claims     Kind = "names/" // only in twins
	// Replicating objects lie on a replica, one for each replication under way.
	Replicating Kind = "replicating/"
)

// Objects of which there is one.
const (
	ConfigName     = "config"
	ConfigCopyName = "config-copy" // the same bytes: a single bad block must not take both
	TwinName       = "twin"        // its presence makes the repository a twin
	ReplicaName    = "replica"     // its presence makes the repository a replica
	ReserveName    = "reserve"
)

// Kinds are all kinds of objects.
var Kinds = []Kind{Keys, Epochs, Packs, Deltas, Snapshots, Pending, Leases, Quarantine, Forgotten, Marks, Losses, Claims, Replicating}

// IsObjectName reports whether a repository uses names like this one.
func IsObjectName(name string) bool {
	switch name {
	case ConfigName, ConfigCopyName, TwinName, ReplicaName, ReserveName:
		return true
	}
	_, ok := KindOf(name)
	return ok
}

// KindOf returns the kind of an object by its name. Objects of which there is one have none.
func KindOf(name string) (Kind, bool) {
	for _, k := range Kinds {
		if strings.HasPrefix(name, string(k)) {
			return k, true
		}
	}
	return "", false
}

// Name returns the name of the object of that kind with an id:
//
//	<kind>/<id, 64 hexadecimal digits>
//	packs/<the first 2 of them>/<all 64>
func (k Kind) Name(id [32]byte) string {
	digits := hex.EncodeToString(id[:])
	if k == Packs {
		return string(k) + digits[:2] + "/" + digits
	}
	return string(k) + digits
}

// ID returns the id in an object's name, if the name is one of that kind.
func (k Kind) ID(name string) (id [32]byte, ok bool) {
	b, err := hex.DecodeString(name[strings.LastIndexByte(name, '/')+1:])
	if err != nil || len(b) != len(id) {
		return id, false
	}
	id = [32]byte(b)
	return id, k.Name(id) == name
}

// HashName returns the name of an object that is named by the BLAKE3 hash of its bytes.
func (k Kind) HashName(object []byte) string { return k.Name(blake3.Sum256(object)) }

// Compare orders ids. Work on several objects follows this order, so that each run does it
// alike.
func Compare[T ~[32]byte](a, b T) int {
	x, y := [32]byte(a), [32]byte(b)
	return bytes.Compare(x[:], y[:])
}

// Under returns the name that has the kind's prefix and then rest.
func (k Kind) Under(rest string) string { return string(k) + rest }

// Has reports whether an object is of the kind.
func (k Kind) Has(name string) bool { return strings.HasPrefix(name, string(k)) }

// Rest returns an object's name without the kind's prefix.
func (k Kind) Rest(name string) string { return strings.TrimPrefix(name, string(k)) }
