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

// Give puts the slots of the ring in use, and what makes its epochs count, on
// another target.
func (k *Keys) CopyTo(ctx context.Context, to *object.Store) error {
	for epoch := uint32(2); epoch <= k.ring.Epoch(); epoch++ {
		owner, err := ownerOf(ctx, to, k.ring, epoch)
		if err != nil {
			return err
		}
		if owner == others {
			return fmt.Errorf("its key was rotated on its own, so that it is no twin any more: %w", fs.ErrExist)
		}
	}
	slots, damaged, err := readSlots(ctx, k.store)
	if err != nil {
		return err
	}
	given := 0
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
		given++
	}
	if given == 0 {
		return errors.Join(errors.New("there is no key slot that the twin could have"), damaged)
	}
	for epoch := uint32(2); epoch <= k.ring.Epoch(); epoch++ {
		err := to.Create(ctx, EpochName(epoch), epochBody(k.ring, epoch))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// Begun returns the key ring and the slot of an Init that was interrupted on this
// target, or nil if there was none. Another's, with another secret, is config.ErrOccupied.
func InterruptedInit(ctx context.Context, store *object.Store, secret Secret) (*seal.Keyring, string, error) {
	begun, err := config.FirstObject(ctx, store, string(object.Keys))
	if err != nil || begun == "" {
		return nil, "", err
	}
	ring, slot, err := Unlock(ctx, store, secret)
	if errors.Is(err, seal.ErrWrongSecret) {
		err = fmt.Errorf("%w: making a repository here with another password or key was interrupted, or is under way: %q", config.ErrOccupied, begun)
	}
	return ring, slot, err
}
