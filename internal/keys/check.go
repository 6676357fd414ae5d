package keys

import (
	"context"
	"errors"
	"io/fs"

	"github.com/qsnap/qsnap/internal/object"
)

// Check calls bad with the name of each object that is missing or damaged: key slots, which
// only their secrets open, and epochs.
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

// checkEpochs reports the epochs of the ring that are in use and don't count.
func (k *Keys) checkEpochs(ctx context.Context, bad func(name, what string)) error {
	if err := k.Current(ctx); err != nil {
		return err
	}
	for epoch := uint32(2); epoch <= k.ring.Epoch(); epoch++ {
		owner, err := ownerOf(ctx, k.store, k.ring, epoch)
		if err != nil {
			return err
		}
		switch owner {
		case nobodys:
			bad(EpochName(epoch), "it is missing")
		case others:
			bad(EpochName(epoch), "it is of another key")
		case unknown:
			bad(EpochName(epoch), "it is damaged")
		}
	}
	return nil
}
