package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/fxamacker/cbor/v2"
	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
)

// Where objects lie on a target.
const (
	configName     = "config"
	configCopyName = "config-copy" // the same bytes: a single bad block must not take all
	keysPrefix     = "keys/"
	packsPrefix    = "packs/"
	indexPrefix    = "index/"
	snapshotPrefix = "snapshots/"

	leasesPrefix     = "leases/"
	pendingPrefix    = "pending/"
	quarantinePrefix = "quarantine/"
	forgottenPrefix  = "forgotten/"
	marksPrefix      = "marks/"
	lossesPrefix     = "losses/"

	epochsPrefix = "epochs/" // see epochName
	namesPrefix  = "names/"  // see nameName
	twinName     = "twin"
)

func packName(id pack.ID) string {
	s := id.String()
	return packsPrefix + s[:2] + "/" + s
}

func deltaName(id index.ID) string       { return indexPrefix + id.String() }
func snapshotName(id snapshot.ID) string { return snapshotPrefix + id.String() }

func pendingName(id snapshot.ID) string   { return pendingPrefix + id.String() }
func forgottenName(id snapshot.ID) string { return forgottenPrefix + id.String() }

// compareIDs orders ids, so that what is done for each is done in the same order
// whenever it is done again.
func compareIDs[T ~[32]byte](a, b T) int {
	x, y := [32]byte(a), [32]byte(b)
	return bytes.Compare(x[:], y[:])
}

// encode returns a small object's body: CBOR, core deterministic.
func encode(body any) ([]byte, error) {
	enc, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		return nil, err
	}
	return enc.Marshal(body)
}

// Bounds on objects that are read whole.
const (
	maxConfig   = 64 << 10
	maxSlot     = 4 << 20
	maxManifest = 64 << 20
	maxDelta    = 1 << 30
)

// putObject stores a sealed object that is named by the hash of its bytes, and
// returns that. One that is there already, as after a Put that succeeded and was
// reported as failed, has to be the same.
func (r *Repo) putObject(ctx context.Context, name func(hash [32]byte) string, object []byte) ([32]byte, error) {
	hash := blake3.Sum256(object)
	err := r.put(ctx, name(hash), object)
	return hash, err
}

// createOnly stores an object, or fails with fs.ErrExist if anything is there under
// its name.
func (r *Repo) createOnly(ctx context.Context, name string, object []byte) error {
	return r.target.Put(ctx, name, bytes.NewReader(object), int64(len(object)))
}

func (r *Repo) put(ctx context.Context, name string, object []byte) error {
	err := r.createOnly(ctx, name, object)
	if errors.Is(err, fs.ErrExist) {
		there, err := target.ReadAll(ctx, r.target, name, int64(len(object)))
		if err != nil {
			return err
		}
		if !bytes.Equal(there, object) {
			return fmt.Errorf("%s: the target holds other bytes under this name", name)
		}
		return nil
	}
	return err
}

// readObject reads a sealed object that is named by the hash of its bytes and was
// listed just now.
func (r *Repo) readObject(ctx context.Context, name string, hash [32]byte, limit int64) ([]byte, error) {
	if object, ok := r.cachedObject(name, hash); ok {
		return object, nil
	}
	object, err := target.ReadAll(ctx, r.target, name, limit)
	if isDamage(err) {
		return r.objectElsewhere(ctx, name, hash, limit, err)
	}
	if err != nil {
		return nil, err
	}
	if blake3.Sum256(object) != hash {
		return r.objectElsewhere(ctx, name, hash, limit, &DamageError{Object: name, Err: errHash})
	}
	r.objects.Put(cacheName(name), object)
	return object, nil
}

var errHash = errors.New("its bytes are not those its name was made from")

// A DamageError says which object of a repository can't be used as it is.
type DamageError struct {
	Object string // its name on the target
	Err    error
}

// Error names the object and what is wrong with it.
func (e *DamageError) Error() string { return e.Object + ": " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e *DamageError) Unwrap() error { return e.Err }

// Is reports whether target is ErrDamaged.
func (e *DamageError) Is(target error) bool { return target == ErrDamaged }
