package runs

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
)

// A run under way has a lease, an object that the run replaces from time to time. A lease's
// name has the kind of the run, the run, and the number of the lease's version:
//
//	leases/<w or r or p>-<run, 32 digits>-<number, 8 digits>
const (
	Writing Kind = "w"
	Reading Kind = "r"
	Pruning Kind = "p"
)

// A Kind says what a run does to the repository.
type Kind string

// MaxLease bounds a lease's object, in bytes.
const MaxLease = 16 << 20

// A Record is the body of a lease: CBOR, integer keys.
type Record struct {
	What     string   `cbor:"1,keyasint"` // "snapshot", "restore" and so on
	Hostname []byte   `cbor:"2,keyasint"` // for a snapshot, the host name that it records
	Username []byte   `cbor:"3,keyasint"`
	Process  []byte   `cbor:"4,keyasint,omitempty"` // see Process
	Begun    int64    `cbor:"5,keyasint"`           // nanoseconds since 1970
	Paths    [][]byte `cbor:"6,keyasint,omitempty"` // for a snapshot, the paths of its source
	// Trees are the directories that a snapshot has stored whole so far: pairs of path and
	// tree id.
	Trees [][2][]byte `cbor:"7,keyasint,omitempty"`
	// Runs are other runs, whose packs and manifests this one copies as they are.
	Runs [][]byte `cbor:"8,keyasint,omitempty"`
}

// IsOf reports whether the lease's run takes a snapshot of that source.
func (l *Record) IsOf(hostname string, paths []string) bool {
	return l.What == "snapshot" && string(l.Hostname) == hostname &&
		slices.EqualFunc(l.Paths, paths, func(a []byte, b string) bool { return string(a) == b })
}

// others returns the runs that count as alive as long as the lease's run does.
func (l *Record) others() (out []seal.Run) {
	for _, b := range l.Runs {
		if len(b) == len(seal.Run{}) {
			out = append(out, seal.Run(b))
		}
	}
	return out
}

// A leaseName is the parsed name of a lease.
type leaseName struct {
	kind   Kind
	run    seal.Run
	number uint64
	name   string
}

func nameOfLease(kind Kind, run seal.Run, number uint64) string {
	return object.Leases.Under(fmt.Sprintf("%s-%x-%08d", kind, run[:], number))
}

func parseLeaseName(name string) (l leaseName, ok bool) {
	parts := strings.Split(object.Leases.Rest(name), "-")
	if len(parts) != 3 {
		return l, false
	}
	run, err := hex.DecodeString(parts[1])
	if err != nil || len(run) != len(l.run) {
		return l, false
	}
	number, err := strconv.ParseUint(parts[2], 10, 64)
	l = leaseName{Kind(parts[0]), seal.Run(run), number, name}
	return l, err == nil && nameOfLease(l.kind, l.run, number) == name
}

// list returns the newest version of each run's lease, and the older versions.
func (r *Runs) list(ctx context.Context) (newest map[seal.Run]leaseName, older []leaseName, err error) {
	newest = map[seal.Run]leaseName{}
	for info, err := range r.store.List(ctx, object.Leases) {
		if err != nil {
			return nil, nil, err
		}
		l, ok := parseLeaseName(info.Name)
		if !ok {
			continue
		}
		if before, ok := newest[l.run]; ok && l.number < before.number {
			older = append(older, l)
			continue
		} else if ok {
			older = append(older, before)
		}
		newest[l.run] = l
	}
	return newest, older, nil
}

// Count returns how many runs have a lease.
func (r *Runs) Count(ctx context.Context) (int, error) {
	newest, _, err := r.list(ctx)
	return len(newest), err
}

// Has reports whether a run has a lease.
func (r *Runs) Has(ctx context.Context, run seal.Run) (bool, error) {
	newest, _, err := r.list(ctx)
	_, ok := newest[run]
	return ok, err
}

// RemoveReplaced removes the older versions of all leases.
func (r *Runs) RemoveReplaced(ctx context.Context) error {
	_, older, err := r.list(ctx)
	if err != nil {
		return err
	}
	for _, l := range older {
		if err := r.store.Remove(ctx, l.name); err != nil {
			return err
		}
	}
	return nil
}

// read returns the record of a lease, or nil if the lease is gone or damaged.
func (r *Runs) read(ctx context.Context, l leaseName) (*Record, error) {
	sealed, err := r.store.ReadAll(ctx, l.name, MaxLease)
	if errors.Is(err, fs.ErrNotExist) || object.IsDamage(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out, err := r.open(l, sealed)
	if err != nil {
		return nil, nil
	}
	return out, nil
}

// open opens a lease and verifies that its body belongs to its name.
func (r *Runs) open(l leaseName, sealed []byte) (*Record, error) {
	body, run, err := r.openOfRun(seal.Lease, sealed)
	if err != nil {
		return nil, err
	}
	out := new(Record)
	if err := cbor.Unmarshal(body, out); err != nil {
		return nil, err
	}
	if run != l.run {
		return nil, object.ErrHash
	}
	return out, nil
}

// IsLeaseName reports whether an object has the name of a lease.
func IsLeaseName(name string) bool {
	_, ok := parseLeaseName(name)
	return ok
}

// CheckLease returns an error if a lease is damaged.
func (r *Runs) CheckLease(name string, sealed []byte) error {
	l, _ := parseLeaseName(name)
	_, err := r.open(l, sealed)
	return err
}
