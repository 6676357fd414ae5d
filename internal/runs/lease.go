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

// A run under way shows itself by a lease, an object that it replaces from time to time. A
// lease's name tells its kind, its run and how often it was replaced:
//
//	leases/<w or r or p>-<run, 32 digits>-<number, 8 digits>
const (
	Writing Kind = "w"
	Reading Kind = "r"
	Pruning Kind = "p"
)

// A Kind is what a run does to the repository.
type Kind string

// MaxLease bounds a lease's object, in bytes.
const MaxLease = 16 << 20

// A Record is what a lease says: CBOR, integer keys.
type Record struct {
	What     string   `cbor:"1,keyasint"` // "snapshot", "restore" and so on
	Hostname []byte   `cbor:"2,keyasint"` // of a snapshot's, what the snapshot says
	Username []byte   `cbor:"3,keyasint"`
	Process  []byte   `cbor:"4,keyasint,omitempty"` // see Process
	Begun    int64    `cbor:"5,keyasint"`           // nanoseconds since 1970
	Paths    [][]byte `cbor:"6,keyasint,omitempty"` // of the source of a snapshot
	// Trees are the directories that have been stored, with everything in them, since the
	// lease was last replaced: pairs of paths and ids.
	Trees [][2][]byte `cbor:"7,keyasint,omitempty"`
	// Runs are those whose packs and manifests this one stores as they are.
	Runs [][]byte `cbor:"8,keyasint,omitempty"`
}

// IsOf reports whether the lease is of a run that takes a snapshot of a source.
func (l *Record) IsOf(hostname string, paths []string) bool {
	return l.What == "snapshot" && string(l.Hostname) == hostname &&
		slices.EqualFunc(l.Paths, paths, func(a []byte, b string) bool { return string(a) == b })
}

// others returns the runs that live and die with the lease's run.
func (l *Record) others() (out []seal.Run) {
	for _, b := range l.Runs {
		if len(b) == len(seal.Run{}) {
			out = append(out, seal.Run(b))
		}
	}
	return out
}

// A leaseName is a lease as its name tells it.
type leaseName struct {
	kind Kind
	run  seal.Run
	beat uint64
	name string
}

func nameOfLease(kind Kind, run seal.Run, beat uint64) string {
	return object.Leases.Under(fmt.Sprintf("%s-%x-%08d", kind, run[:], beat))
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
	beat, err := strconv.ParseUint(parts[2], 10, 64)
	l = leaseName{Kind(parts[0]), seal.Run(run), beat, name}
	return l, err == nil && nameOfLease(l.kind, l.run, beat) == name
}

// list returns the newest lease of each run, and the older ones.
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
		if before, ok := newest[l.run]; ok && l.beat < before.beat {
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

// Has reports whether a run has a lease on this repository.
func (r *Runs) Has(ctx context.Context, run seal.Run) (bool, error) {
	newest, _, err := r.list(ctx)
	_, ok := newest[run]
	return ok, err
}

// RemoveReplaced removes the leases that newer ones of the same run have replaced.
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

// read reads what a lease says. One that is gone or damaged says nothing.
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

// open opens the lease of that name.
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

// CheckLease returns what is wrong with the lease of that name.
func (r *Runs) CheckLease(name string, sealed []byte) error {
	l, _ := parseLeaseName(name)
	_, err := r.open(l, sealed)
	return err
}
