package keys

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/target"
)

// A keySlot is a slot and its id.
type keySlot struct {
	*seal.Slot
	id string
}

// isFailure reports whether a read failed because of the target, so that the object may be
// whole.
func isFailure(err error) bool {
	return err != nil && (target.Temporary(err) || errors.Is(err, target.ErrGivenUp))
}

// readSlots returns the readable slots, those with the most epochs first. damaged is the
// error of a slot that can't be read. If several can't, a failure of the target comes before
// damage.
func readSlots(ctx context.Context, store *object.Store) (slots []keySlot, damaged, err error) {
	for info, err := range store.List(ctx, object.Keys) {
		if err != nil {
			return nil, nil, err
		}
		slot, err := readSlot(ctx, store, info.Name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			if damaged == nil || isFailure(err) {
				damaged = err
			}
			continue
		}
		slots = append(slots, keySlot{slot, object.Keys.Rest(info.Name)})
	}
	slices.SortStableFunc(slots, func(a, b keySlot) int { return cmp.Compare(b.Epochs(), a.Epochs()) })
	return slots, damaged, nil
}

func readSlot(ctx context.Context, store *object.Store, name string) (*seal.Slot, error) {
	b, err := store.ReadAll(ctx, name, object.MaxSlot)
	if err != nil {
		return nil, err
	}
	if hash := blake3.Sum256(b); name != object.Keys.Under(hex.EncodeToString(hash[:])) {
		return nil, &object.DamageError{Object: name, Err: object.ErrHash}
	}
	slot, err := seal.ParseSlot(b)
	if err != nil {
		return nil, &object.DamageError{Object: name, Err: err}
	}
	return slot, nil
}

// addSlot stores a new slot of the current ring and returns its id.
func (k *Keys) addSlot(ctx context.Context, secret Secret, label string) (string, error) {
	if err := k.Current(ctx); err != nil {
		return "", err
	}
	return k.put(ctx, k.ring, secret, label)
}

// put stores a new slot of a ring and returns its id.
func (k *Keys) put(ctx context.Context, ring *seal.Keyring, secret Secret, label string) (string, error) {
	slot := &seal.Slot{Created: k.now().UTC().Truncate(time.Second), Label: label}
	slot.Hostname, slot.Username = k.host, k.user
	if err := slot.Wrap(ring, secret.secret, seal.StrongKDF, k.random); err != nil {
		return "", err
	}
	b, err := slot.Marshal()
	if err != nil {
		return "", err
	}
	name := object.Keys.HashName(b)
	err = k.store.Put(ctx, name, b)
	id := object.Keys.Rest(name)
	if err == nil {
		secret.remember(id, ring)
	}
	return id, err
}
