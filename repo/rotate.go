package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/target"
)

// RotateKey makes a new key that all who open the repository from now on seal with,
// and that is independent of those before. It is wrapped under the secret, which
// has to be a passphrase or a key file, and takes the place of the slot that this
// Repo was opened with and of all others that open with the same secret. The slots
// that are left open only what was sealed until now: they are returned, to be
// removed or made anew by AddKey. Recovery sheets have to be printed anew, too. This
// Repo itself, and others that are open, keep their key: to change anything from now
// on the repository has to be opened anew.
//
// Prune seals packs and index deltas anew that are sealed with older keys, as far as
// its options let it. Rotation doesn't take back what who had an older key has copied,
// nor does it hide from him the manifests that were there: these keep it for as long
// as they stand. The keys that ids are made with stay the same.
//
// Who opens the repository with an older key from now on reads what is sealed with
// it; all else, and whatever would change the repository, is ErrNewerKey. An
// interrupted rotation leaves a repository that the secret opens as before; the next
// brings it to its end.
func (r *Repo) RotateKey(ctx context.Context, secret Secret) (left []Key, err error) {
	if _, ok := secret.secret.Recovered(); ok || secret.secret.IsZero() {
		return nil, errors.New("a new key has to be wrapped under a passphrase or a key file: open the repository with one")
	}
	if err := r.upToDate(ctx); err != nil {
		return nil, err
	}
	ring, slot, err := r.nextRing(ctx, secret)
	if err != nil {
		return nil, fmt.Errorf("rotate key: %w", err)
	}
	if err := r.claimEpoch(ctx, ring, slot); err != nil {
		return nil, fmt.Errorf("rotate key: %w", err)
	}
	old := r.slot
	r.slot = slot
	kept, err := r.dropSlots(ctx, secret, slot, old)
	if err != nil {
		return nil, fmt.Errorf("the key is rotated, but: %w", err)
	}
	for _, s := range kept {
		if k := r.keyOf(s, ring.Newest()); k.Outdated {
			left = append(left, k)
		}
	}
	return left, nil
}

// soundSlots returns the slots that aren't damaged.
func (r *Repo) soundSlots(ctx context.Context) ([]keySlot, error) {
	slots, other, err := readSlots(ctx, r.store)
	if damage := (*DamageError)(nil); err == nil && !errors.As(other, &damage) {
		err = other
	}
	return slots, err
}

// nextRing returns a ring with one more epoch than counts, and the slot that wraps
// it under the secret: that which an interrupted rotation has left, or a new one.
func (r *Repo) nextRing(ctx context.Context, secret Secret) (*seal.Keyring, string, error) {
	slots, err := r.soundSlots(ctx)
	if err != nil {
		return nil, "", err
	}
	label := ""
	for _, s := range slots {
		if s.id == r.slot {
			label = s.Label
		}
		if s.Epochs() != r.ring.Epoch()+1 {
			continue
		}
		ring, err := s.unwrap(secret)
		if err == nil && ring.Common(r.ring) >= r.ring.Epoch() {
			return ring, s.id, nil
		}
	}
	ring := r.ring
	if ring.Newest() == ring.Epoch() {
		if ring, err = ring.Rotated(r.opts.Rand); err != nil {
			return nil, "", err
		}
	}
	slot, err := r.putSlot(ctx, ring, secret, label)
	return ring, slot, err
}

// claimEpoch makes the newest epoch of a ring count, unless somebody else's does
// already.
func (r *Repo) claimEpoch(ctx context.Context, ring *seal.Keyring, slot string) error {
	epoch := r.ring.Epoch() + 1
	err := r.store.Create(ctx, epochName(epoch), epochBody(ring, epoch))
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	owner, err := ownerOf(ctx, r.store, ring, epoch)
	if err == nil && owner == unknown {
		err = &DamageError{Object: epochName(epoch), Err: errors.New("it can't be read, so that whose key counts isn't known")}
	}
	if err != nil || owner == ours {
		return err // as after a Put that succeeded and was reported as failed
	}
	return errors.Join(fmt.Errorf("somebody else has rotated it at the same time: %w", ErrNewerKey),
		r.store.Delete(ctx, object.Keys.Under(slot)))
}

// dropSlots removes the slots that a new one has replaced, and returns the others, with
// those that the target keeps locked.
func (r *Repo) dropSlots(ctx context.Context, secret Secret, slot, old string) (kept []keySlot, err error) {
	slots, err := r.soundSlots(ctx)
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
		err := r.store.Delete(ctx, object.Keys.Under(s.id))
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
