package repo

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

// A pack that is about to be deleted is named by a quarantine object, and counts
// as absent for all who rely on packs anew. The name says it all, so that a listing
// is enough and damage to the object is none:
//
//	quarantine/<pack, 64 digits>-<run of the pruner, 32 digits>
//
// Its body, CBOR, names the runs that were alive before it was written. They may
// rely on the pack, which is a reason to wait for them.
type quarantineBody struct {
	Runs [][]byte `cbor:"1,keyasint,omitempty"`
	Pack []byte   `cbor:"2,keyasint"` // as the name says; the run is that which the object is sealed in
}

const maxQuarantine = 1 << 20

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

// A banned set is the packs that are in quarantine, and who put them there.
type banned map[pack.ID][]seal.Run

func (b banned) has(id pack.ID) bool { return len(b[id]) > 0 }

// quarantined lists the packs in quarantine.
func (r *Repo) quarantined(ctx context.Context) (banned, error) {
	out := banned{}
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

// quarantine names a pack as about to be deleted, by a run that knows which others
// were alive before.
func (r *Repo) quarantine(ctx context.Context, id pack.ID, run seal.Run, alive []seal.Run) error {
	body := quarantineBody{Pack: id[:]}
	for _, a := range alive {
		body.Runs = append(body.Runs, a[:])
	}
	b, err := object.Encode(body)
	if err != nil {
		return err
	}
	sealed, err := r.box.SealIn(run, seal.Quarantine, b)
	if err != nil {
		return err
	}
	return r.store.Put(ctx, quarantineName(id, run), sealed)
}

// waitsFor returns the runs that a quarantine object says were alive before it; ok
// is false if it doesn't say.
func (r *Repo) waitsFor(ctx context.Context, id pack.ID, run seal.Run) (runs map[seal.Run]bool, ok bool, err error) {
	sealed, err := r.store.ReadAll(ctx, quarantineName(id, run), maxQuarantine)
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
func (r *Repo) openQuarantine(name string, sealed []byte) (*quarantineBody, error) {
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

// openOfRun opens an object and returns the run that it was sealed in, too.
func (r *Repo) openOfRun(kind seal.Kind, sealed []byte) (body []byte, run seal.Run, err error) {
	if body, err = r.box.Open(kind, sealed); err != nil {
		return nil, run, err
	}
	header, err := seal.ParseHeader(sealed)
	return body, header.Run(), err
}

// release takes a pack out of the quarantine of one run.
func (r *Repo) releasePack(ctx context.Context, id pack.ID, run seal.Run) error {
	err := r.store.Delete(ctx, quarantineName(id, run))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// packsThere lists the packs that are on the target, with their sizes.
func (r *Repo) packsThere(ctx context.Context) (map[pack.ID]int64, error) {
	out := map[pack.ID]int64{}
	for info, err := range r.store.List(ctx, object.Packs) {
		if err != nil {
			return nil, err
		}
		if id, ok := packOfName(info.Name); ok {
			out[id] = info.Size
		}
	}
	return out, nil
}
