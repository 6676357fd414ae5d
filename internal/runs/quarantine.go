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

// A quarantine object names a pack that a run, the pruner, is about to delete. A run that
// begins to rely on packs treats this one as absent. The name says which pack it is, so a
// listing is enough, and damage to the object doesn't matter:
//
//	quarantine/<pack, 64 digits>-<run of the pruner, 32 digits>
//
// The body, CBOR, names the runs that were alive before the object was stored. They may rely
// on the pack, so the pruner waits for them.
type quarantineBody struct {
	Runs [][]byte `cbor:"1,keyasint,omitempty"`
	Pack []byte   `cbor:"2,keyasint"` // the pack in the name; the object is sealed in the run in the name
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

// A QuarantineSet maps the packs in quarantine to the runs that put them there.
type QuarantineSet map[pack.ID][]seal.Run

// Has reports whether a pack is in quarantine.
func (q QuarantineSet) Has(id pack.ID) bool { return len(q[id]) > 0 }

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

// Quarantine puts a pack in quarantine for a run that is about to delete it. alive are the
// runs that are alive.
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

// AliveBefore returns the runs that were alive before a run put a pack in quarantine. ok is
// false if the quarantine object is gone or damaged.
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

// openQuarantine opens a quarantine object and verifies that its body belongs to its name.
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

// CheckQuarantine returns an error if a quarantine object is damaged.
func (r *Runs) CheckQuarantine(name string, sealed []byte) error {
	_, err := r.openQuarantine(name, sealed)
	return err
}
