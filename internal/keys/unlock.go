package keys

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
)

// Unlock returns the key ring of the slot that opens with the secret, and the slot's id. If
// several slots open, it takes one with the most epochs.
func Unlock(ctx context.Context, store *object.Store, secret Secret) (ring *seal.Keyring, id string, err error) {
	if ring, ok := secret.secret.Recovered(); ok {
		ring, _, err := confirm(ctx, store, ring)
		return ring, "", err
	}
	if secret.secret.IsZero() {
		return nil, "", errors.New("open the repository: no passphrase and no key given")
	}
	tried := map[string]bool{}
	var damaged error
	for try := range maxListings {
		slots, bad, err := readSlots(ctx, store)
		if err != nil {
			return nil, "", err
		}
		damaged = bad
		slots = slices.DeleteFunc(slots, func(s keySlot) bool { return tried[s.id] })
		if len(slots) == 0 && try > 0 {
			break
		}
		for _, s := range slots {
			tried[s.id] = true
		}
		ring, id, bad, err := openAny(ctx, store, slots, secret)
		if err != nil || ring != nil {
			return ring, id, err
		}
		if bad != nil {
			damaged = bad
		}
		// A listing may miss a slot that replaces another meanwhile, so it is repeated.
	}
	switch {
	case len(tried) == 0 && damaged == nil:
		return nil, "", &object.DamageError{Object: string(object.Keys), Err: errors.New("there are no key slots: open the repository with its recovery sheet")}
	case isFailure(damaged):
		return nil, "", damaged // the secret may open the slot that couldn't be read
	case damaged != nil:
		return nil, "", fmt.Errorf("%w, or its key slot is damaged: %w", seal.ErrWrongSecret, damaged)
	}
	return nil, "", seal.ErrWrongSecret
}

// openAny opens one of the slots, which are sorted by their epochs. It returns the first ring
// of a finished rotation. If there is none, it returns the ring with the most epochs, or nil.
// damaged is the error of a slot that failed for another reason than a wrong secret.
func openAny(ctx context.Context, store *object.Store, slots []keySlot, secret Secret) (ring *seal.Keyring, id string, damaged, err error) {
	for _, s := range slots {
		found, err := s.unwrap(secret)
		if err != nil {
			if !errors.Is(err, seal.ErrWrongSecret) {
				damaged = err
			}
			continue
		}
		found, finished, err := confirm(ctx, store, found)
		if err != nil || finished {
			return found, s.id, nil, err
		}
		// A slot from before an interrupted rotation opens the repository, too.
		if ring == nil || found.Epoch() > ring.Epoch() {
			ring, id = found, s.id
		}
	}
	return ring, id, damaged, nil
}

// unwrap returns the key ring of a slot, from the cache of the secret if it has one.
func (s keySlot) unwrap(secret Secret) (*seal.Keyring, error) {
	if !s.Accepts(secret.secret) {
		return nil, seal.ErrWrongSecret
	}
	if ring := secret.recall(s); ring != nil {
		return ring, nil
	}
	ring, err := s.Unwrap(secret.secret)
	if s.TakesPassphrase() {
		debug.FreeOSMemory() // unwrapping took 64 MiB, and the collector would let the heap grow to twice that
	}
	if err == nil {
		secret.remember(s.id, ring)
	}
	return ring, err
}

// maxListings bounds how often Unlock lists the slots.
const maxListings = 10
