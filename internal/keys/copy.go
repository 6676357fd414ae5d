package keys

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
)

// CopyTo copies the slots of the current ring to another target, a twin's, and the objects
// that make the ring's epochs count.
func (k *Keys) CopyTo(ctx context.Context, to *object.Store) error {
	for epoch := uint32(2); epoch <= k.ring.Epoch(); epoch++ {
		state, err := stateOf(ctx, to, k.ring, epoch)
		if err != nil {
			return err
		}
		if state == otherKey {
			return fmt.Errorf("the target's key was rotated separately, so it is no twin any more: %w", fs.ErrExist)
		}
	}
	slots, damaged, err := readSlots(ctx, k.store)
	if err != nil {
		return err
	}
	copied := 0
	for _, s := range slots {
		if s.Epochs() != k.ring.Epoch() {
			continue
		}
		b, err := k.store.ReadAll(ctx, object.Keys.Under(s.id), object.MaxSlot)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err == nil {
			err = to.Put(ctx, object.Keys.Under(s.id), b)
		}
		if err != nil {
			return err
		}
		copied++
	}
	if copied == 0 {
		return errors.Join(errors.New("no key slot of the newest key can be copied to the twin"), damaged)
	}
	for epoch := uint32(2); epoch <= k.ring.Epoch(); epoch++ {
		err := to.Create(ctx, EpochName(epoch), epochBody(k.ring, epoch))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// InterruptedInit returns the key ring and the slot that an interrupted Init left on this
// target, or nil if there was none. If that Init had another secret, the error is
// config.ErrOccupied.
func InterruptedInit(ctx context.Context, store *object.Store, secret Secret) (*seal.Keyring, string, error) {
	found, err := config.FirstObject(ctx, store, string(object.Keys))
	if err != nil || found == "" {
		return nil, "", err
	}
	ring, slot, err := Unlock(ctx, store, secret)
	if errors.Is(err, seal.ErrWrongSecret) {
		err = fmt.Errorf("%w: making a repository here with another password or key was interrupted, or is under way: %q", config.ErrOccupied, found)
	}
	return ring, slot, err
}
