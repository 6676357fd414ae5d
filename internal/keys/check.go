package keys

import (
	"context"
	"errors"
	"io/fs"

	"github.com/qsnap/qsnap/internal/object"
)

// Check calls bad for each key slot and each epoch's object that is missing or damaged. It
// can't open the slots, because each opens only with its own secret.
func (k *Keys) Check(ctx context.Context, bad func(name, what string)) error {
	slots := 0
	for info, err := range k.store.List(ctx, object.Keys) {
		if err != nil {
			return err
		}
		slots++
		_, err := readSlot(ctx, k.store, info.Name)
		if damage, ok := errors.AsType[*object.DamageError](err); ok {
			bad(info.Name, damage.Err.Error())
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if slots == 0 {
		bad(string(object.Keys), "there are no key slots: only a recovery sheet opens the repository")
	}
	return k.checkEpochs(ctx, bad)
}

// checkEpochs calls bad for each epoch up to the current one that doesn't count.
func (k *Keys) checkEpochs(ctx context.Context, bad func(name, what string)) error {
	if err := k.Current(ctx); err != nil {
		return err
	}
	for epoch := uint32(2); epoch <= k.ring.Epoch(); epoch++ {
		state, err := stateOf(ctx, k.store, k.ring, epoch)
		if err != nil {
			return err
		}
		switch state {
		case undecided:
			bad(EpochName(epoch), "it is missing")
		case otherKey:
			bad(EpochName(epoch), "it is of another key")
		case damagedEpoch:
			bad(EpochName(epoch), "it is damaged")
		}
	}
	return nil
}
