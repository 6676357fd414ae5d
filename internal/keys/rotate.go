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

// Rotate makes a new key. Everyone who opens the repository from now on seals with it, and it
// is independent of the keys before. The secret wraps it, and has to be a passphrase or a
// key file. The new slot replaces the current one and all others that open with the same
// secret. Rotate returns the slots that are left, which open only what was sealed until
// now.
//
// These Keys, and others that are open, keep their key: to change anything from now on, the
// repository has to be opened again. An interrupted rotation leaves a repository that the
// secret opens as before; the next rotation completes it. The keys that ids are made with
// stay the same.
func (k *Keys) Rotate(ctx context.Context, secret Secret) (left []Key, err error) {
	if _, ok := secret.secret.Recovered(); ok || secret.secret.IsZero() {
		return nil, errors.New("a new key has to be wrapped under a passphrase or a key file: open the repository with one")
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
		return nil, fmt.Errorf("the key is rotated, but: %w", err)
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

// nextRing returns a ring with one more epoch than counts, and the slot that wraps
// it under the secret: that which an interrupted rotation has left, or a new one.
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

// claimEpoch makes the newest epoch of a ring count, unless somebody else's does
// already.
func (k *Keys) claimEpoch(ctx context.Context, ring *seal.Keyring, slot string) error {
	epoch := k.ring.Epoch() + 1
	err := k.store.Create(ctx, EpochName(epoch), epochBody(ring, epoch))
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	owner, err := ownerOf(ctx, k.store, ring, epoch)
	if err == nil && owner == unknown {
		err = &object.DamageError{Object: EpochName(epoch), Err: errors.New("it can't be read, so that whose key counts isn't known")}
	}
	if err != nil || owner == ours {
		return err // as after a Put that succeeded and was reported as failed
	}
	return errors.Join(fmt.Errorf("somebody else has rotated it at the same time: %w", seal.ErrNoKey),
		k.store.Delete(ctx, object.Keys.Under(slot)))
}

// dropSlots removes the slots that a new one has replaced, and returns the others, with
// those that the target keeps locked.
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
			if _, err := s.unwrap(secret); err != nil { // it is of another
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

// HasOf reports whether one of the slots with those names is sound and not outdated.
func (k *Keys) HasCurrentSlot(ctx context.Context, names map[string]int64) (bool, error) {
	slots, err := k.soundSlots(ctx)
	return slices.ContainsFunc(slots, func(s keySlot) bool {
		_, ok := names[object.Keys.Under(s.id)]
		return ok && s.Epochs() >= k.ring.Epoch()
	}), err
}
