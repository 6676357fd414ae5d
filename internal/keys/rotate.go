package keys

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/target"
)

// Rotate makes a new root key, which is independent of the earlier ones. A process that opens
// the repository from now on seals with the new key. The secret wraps the key, and has to be
// a passphrase or a key file. The new slot replaces the current one and all others that open
// with the same secret. Rotate returns the outdated slots that are left. They open only
// objects that were sealed before the rotation.
//
// These Keys, and those of other processes, keep their ring. To change the repository after
// the rotation, it has to be opened again. After an interrupted rotation, the secret opens
// the repository as before, and the next rotation completes it. The keys from which ids are
// made stay the same.
func (k *Keys) Rotate(ctx context.Context, secret Secret) (left []Key, err error) {
	if _, ok := secret.secret.Recovered(); ok || secret.secret.IsZero() {
		return nil, errors.New("rotate key: no passphrase or key file to wrap the new key: open the repository with one")
	}
	if err := k.Current(ctx); err != nil {
		return nil, err
	}
	ring, slot, err := k.nextRing(ctx, secret)
	if err != nil {
		return nil, fmt.Errorf("rotate key: %w", err)
	}
	if err := k.claimEpoch(ctx, ring, slot); err != nil {
		return nil, fmt.Errorf("rotate key: %w", err)
	}
	old := k.slot
	k.slot = slot
	kept, err := k.dropSlots(ctx, secret, slot, old)
	if err != nil {
		return nil, fmt.Errorf("the key is rotated, but the old slots can't be removed: %w", err)
	}
	for _, s := range kept {
		if key := k.keyOf(s, ring.Newest()); key.Outdated {
			left = append(left, key)
		}
	}
	return left, nil
}

// soundSlots returns the slots that aren't damaged.
func (k *Keys) soundSlots(ctx context.Context) ([]keySlot, error) {
	slots, other, err := readSlots(ctx, k.store)
	if _, damaged := errors.AsType[*object.DamageError](other); err == nil && !damaged {
		err = other
	}
	return slots, err
}

// nextRing returns a ring with one epoch more than the current one, and the slot that wraps
// the ring under the secret. An interrupted rotation may have left both; otherwise nextRing
// makes them.
func (k *Keys) nextRing(ctx context.Context, secret Secret) (*seal.Keyring, string, error) {
	slots, err := k.soundSlots(ctx)
	if err != nil {
		return nil, "", err
	}
	label := ""
	for _, s := range slots {
		if s.id == k.slot {
			label = s.Label
		}
		if s.Epochs() != k.ring.Epoch()+1 {
			continue
		}
		ring, err := s.unwrap(secret)
		if err == nil && ring.Common(k.ring) >= k.ring.Epoch() {
			return ring, s.id, nil
		}
	}
	ring := k.ring
	if ring.Newest() == ring.Epoch() {
		if ring, err = ring.Rotated(k.random); err != nil {
			return nil, "", err
		}
	}
	slot, err := k.put(ctx, ring, secret, label)
	return ring, slot, err
}

// claimEpoch makes the newest epoch of a ring count. It fails if another rotation was faster.
func (k *Keys) claimEpoch(ctx context.Context, ring *seal.Keyring, slot string) error {
	epoch := k.ring.Epoch() + 1
	err := k.store.Create(ctx, EpochName(epoch), epochBody(ring, epoch))
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	state, err := stateOf(ctx, k.store, ring, epoch)
	if err == nil && state == damagedEpoch {
		err = &object.DamageError{Object: EpochName(epoch), Err: errors.New("it is damaged, so it is unknown which key counts")}
	}
	if err != nil || state == ourKey {
		return err // ours, as after a Put that succeeded and was reported as failed
	}
	return errors.Join(fmt.Errorf("another process rotated the key at the same time: %w", seal.ErrNoKey),
		k.store.Delete(ctx, object.Keys.Under(slot)))
}

// dropSlots removes the slots that a new one replaces: the old one, and those that open with
// the secret. It returns all others, and those that the target keeps locked.
func (k *Keys) dropSlots(ctx context.Context, secret Secret, slot, old string) (kept []keySlot, err error) {
	slots, err := k.soundSlots(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range slots {
		if s.id == slot {
			continue
		}
		if s.id != old {
			if _, err := s.unwrap(secret); err != nil { // it has another secret
				kept = append(kept, s)
				continue
			}
		}
		err := k.store.Delete(ctx, object.Keys.Under(s.id))
		if _, locked := target.LockedUntil(err); locked {
			kept = append(kept, s)
			continue
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return kept, nil
}

// HasCurrentSlot reports whether one of the slots with those names is neither damaged nor
// outdated.
func (k *Keys) HasCurrentSlot(ctx context.Context, names map[string]int64) (bool, error) {
	slots, err := k.soundSlots(ctx)
	return slices.ContainsFunc(slots, func(s keySlot) bool {
		_, ok := names[object.Keys.Under(s.id)]
		return ok && s.Epochs() >= k.ring.Epoch()
	}), err
}
