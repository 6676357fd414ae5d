// Package runs lists the runs under way on a repository. It decides which runs are alive, and
// lists the packs that runs have put in quarantine.
//
// What must stay true: leases save work, and safety doesn't rely on them. A pruner waits for
// the runs that began before it, and doesn't delete the packs of runs that are alive, so that
// these runs needn't store anything twice. No snapshot is lost if a live run counts as dead.
//
// A run replaces its lease every two minutes. A run counts as dead if its lease has been the
// same for ten minutes by this machine's clock, or if its process ran on this machine and has
// ended. If a live run counts as dead, it may have to repeat uploads.
//
// # Formats
//
// Both objects are CBOR in core deterministic encoding, sealed in their run:
//
//	leases/<k>-<run>-<n>     k is w, r or p, for a run that writes, reads or prunes
//	     1 what the run does, 2 host, 3 user, 4 process, 5 begun, in nanoseconds since
//	     1970, 6 paths of a snapshot, 7 its directories that are stored whole: pairs of
//	     path and tree id, 8 other runs whose packs and manifests must stay, too
//	quarantine/<pack>-<run>
//	     1 runs that were alive before it, 2 pack
package runs

import (
	"bytes"
	"time"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
)

// Runs are the runs on a repository. They are safe for concurrent use.
type Runs struct {
	store  *object.Store
	sealer *seal.Sealer
	o      Options
}

// Options of runs.
type Options struct {
	// Dir is the local directory for the times at which leases were first seen (see
	// Liveness). If it is empty, there is none.
	Dir            string
	Now            func() time.Time
	Hostname, User string      // recorded in the leases of this process
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

// openOfRun opens an object, and also returns the run in which it was sealed.
func (r *Runs) openOfRun(kind seal.Kind, sealed []byte) (body []byte, run seal.Run, err error) {
	if body, err = r.sealer.Open(kind, sealed); err != nil {
		return nil, run, err
	}
	header, err := seal.ParseHeader(sealed)
	return body, header.Run(), err
}
