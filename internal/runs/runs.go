// Package runs tells which runs are under way on a repository, whether they are alive, and
// which packs pruners have put in quarantine.
//
// What must stay true: leases are a courtesy. A pruner waits for the runs that began before
// it, so that they needn't store anything twice, and leaves alone the packs of runs that
// are alive. No snapshot is lost if a run is judged wrongly.
//
// A run replaces its lease every two minutes. One whose lease has been the same for ten, as
// seen on this machine's clock, counts as dead, and so does one whose process on this
// machine has ended. To count as dead wrongly costs a run that writes uploads, never a
// snapshot.
//
// # Formats
//
// Both objects are CBOR in core deterministic encoding, sealed in their run:
//
//	leases/<k>-<run>-<n>     k is w, r or p, for a run that writes, reads or prunes
//	     1 what the run does, 2 host, 3 user, 4 process, 5 begun, in nanoseconds since
//	     1970, 6 paths of a snapshot, 7 its directories that are stored whole: pairs of
//	     path and tree id, 8 runs whose packs and manifests are to be left alone, too
//	quarantine/<pack>-<run>
//	     1 runs that were alive before it, 2 pack
package runs

import (
	"bytes"
	"time"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
)

// Runs are the runs on a repository. It is safe for concurrent use.
type Runs struct {
	store  *object.Store
	sealer *seal.Sealer
	o      Options
}

// Options of runs.
type Options struct {
	// Dir is a local directory for what was seen of leases, so that several short looks
	// serve as well as a long one. Empty is none.
	Dir            string
	Now            func() time.Time
	Hostname, User string      // what the leases of this process say
	Warn           func(error) // called when a lease can't be renewed; may be nil
}

// New returns the runs on a repository.
func New(store *object.Store, sealer *seal.Sealer, o Options) *Runs {
	return &Runs{store: store, sealer: sealer, o: o}
}

// On returns the runs on another store of the repository.
func (r *Runs) On(store *object.Store) *Runs { return New(store, r.sealer, r.o) }

// Compare orders runs by their ids.
func Compare(a, b seal.Run) int { return bytes.Compare(a[:], b[:]) }

// openOfRun opens an object and returns the run that it was sealed in, too.
func (r *Runs) openOfRun(kind seal.Kind, sealed []byte) (body []byte, run seal.Run, err error) {
	if body, err = r.sealer.Open(kind, sealed); err != nil {
		return nil, run, err
	}
	header, err := seal.ParseHeader(sealed)
	return body, header.Run(), err
}
