package runs

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

// A quarantine object names a pack that is about to be deleted. The pack counts as absent
// for every run that begins to rely on packs. The name says everything, so that a listing
// is enough and damage to the object doesn't matter:
//
//	quarantine/<pack, 64 digits>-<run of the pruner, 32 digits>
//
// Its body, CBOR, names the runs that were alive before it was written. They may
// rely on the pack, which is a reason to wait for them.
type quarantineBody struct {
	Runs [][]byte `cbor:"1,keyasint,omitempty"`
	Pack []byte   `cbor:"2,keyasint"` // as the name says; the run is that which the object is sealed in
}

// MaxQuarantine bounds a quarantine object, in bytes.
const MaxQuarantine = 1 << 20

func quarantineName(id pack.ID, run seal.Run) string {
	return fmt.Sprintf("%s%s-%x", string(object.Quarantine), id, run[:])
}

func parseQuarantineName(name string) (id pack.ID, run seal.Run, ok bool) {
	first, second, _ := strings.Cut(object.Quarantine.Rest(name), "-")
	id, err := pack.ParseID(first)
	digits, err2 := hex.DecodeString(second)
	if err != nil || err2 != nil || len(digits) != len(run) {
		return id, run, false
	}
	run = seal.Run(digits)
	return id, run, quarantineName(id, run) == name
}

// A QuarantineSet is the packs that are in quarantine, and the runs that put them there.
type QuarantineSet map[pack.ID][]seal.Run

// Has reports whether a pack is in quarantine.
func (b QuarantineSet) Has(id pack.ID) bool { return len(b[id]) > 0 }

// Quarantined lists the packs in quarantine.
func (r *Runs) Quarantined(ctx context.Context) (QuarantineSet, error) {
	out := QuarantineSet{}
	for info, err := range r.store.List(ctx, object.Quarantine) {
		if err != nil {
			return nil, err
		}
		if id, run, ok := parseQuarantineName(info.Name); ok {
			out[id] = append(out[id], run)
		}
	}
	return out, nil
}

// Quarantine names a pack as about to be deleted, by a run that knows which others
// were alive before.
func (r *Runs) Quarantine(ctx context.Context, id pack.ID, run seal.Run, alive []seal.Run) error {
	body := quarantineBody{Pack: id[:]}
	for _, a := range alive {
		body.Runs = append(body.Runs, a[:])
	}
	b, err := object.Encode(body)
	if err != nil {
		return err
	}
	sealed, err := r.sealer.SealIn(run, seal.Quarantine, b)
	if err != nil {
		return err
	}
	return r.store.Put(ctx, quarantineName(id, run), sealed)
}

// WaitsFor returns the runs that a quarantine object says were alive before it; ok
// is false if it doesn't say.
func (r *Runs) AliveBefore(ctx context.Context, id pack.ID, run seal.Run) (runs map[seal.Run]bool, ok bool, err error) {
	sealed, err := r.store.ReadAll(ctx, quarantineName(id, run), MaxQuarantine)
	if errors.Is(err, fs.ErrNotExist) || object.IsDamage(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	body, err := r.openQuarantine(quarantineName(id, run), sealed)
	if err != nil {
		return nil, false, nil
	}
	runs = map[seal.Run]bool{}
	for _, b := range body.Runs {
		if len(b) == len(seal.Run{}) {
			runs[seal.Run(b)] = true
		}
	}
	return runs, true, nil
}

// openQuarantine opens the quarantine object of that name.
func (r *Runs) openQuarantine(name string, sealed []byte) (*quarantineBody, error) {
	plain, run, err := r.openOfRun(seal.Quarantine, sealed)
	if err != nil {
		return nil, err
	}
	body := new(quarantineBody)
	if err := cbor.Unmarshal(plain, body); err != nil {
		return nil, err
	}
	if len(body.Pack) != len(pack.ID{}) || quarantineName(pack.ID(body.Pack), run) != name {
		return nil, object.ErrHash
	}
	return body, nil
}

// Release takes a pack out of the quarantine of one run.
func (r *Runs) Release(ctx context.Context, id pack.ID, run seal.Run) error {
	return r.store.Remove(ctx, quarantineName(id, run))
}

// IsQuarantineName reports whether an object has the name of a quarantine object.
func IsQuarantineName(name string) bool {
	_, _, ok := parseQuarantineName(name)
	return ok
}

// CheckQuarantine returns what is wrong with the quarantine object of that name.
func (r *Runs) CheckQuarantine(name string, sealed []byte) error {
	_, err := r.openQuarantine(name, sealed)
	return err
}
