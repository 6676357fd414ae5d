package keys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
)

// EpochName returns the name of the object that makes an epoch count:
//
//	epochs/<number, 8 digits>
//
// The first epoch needs none. The object holds 32 bytes that only the epoch's key can make
// (package seal), and the first 16 bytes of their BLAKE3 hash. Create-only Put decides
// between two rotations at the same time. Before that, a slot may wrap the key of the epoch,
// but nothing is sealed under it.
func EpochName(epoch uint32) string { return fmt.Sprintf("%s%08d", string(object.Epochs), epoch) }

func epochBody(ring *seal.Keyring, epoch uint32) []byte {
	commitment := ring.Commitment(epoch)
	return WithSum(commitment[:])
}

// WithSum returns bytes and the first 16 bytes of their BLAKE3 hash.
func WithSum(b []byte) []byte {
	sum := blake3.Sum256(b)
	return append(bytes.Clone(b), sum[:16]...)
}

// An epochState says whose key an epoch belongs to, as its object says.
type epochState int

const (
	undecided    epochState = iota // there is no object: the epoch doesn't count yet
	ourKey                         // it is the ring's key
	otherKey                       // it is the key of another rotation
	damagedEpoch                   // the object is damaged
)

// stateOf reads whose key an epoch belongs to.
func stateOf(ctx context.Context, store *object.Store, ring *seal.Keyring, epoch uint32) (epochState, error) {
	const size = seal.KeySize + 16
	b, err := store.ReadFront(ctx, EpochName(epoch), size+1)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return undecided, nil
	case object.IsDamage(err):
		return damagedEpoch, nil
	case err != nil:
		return undecided, err
	case len(b) != size || !bytes.Equal(b, WithSum(b[:seal.KeySize])):
		return damagedEpoch, nil
	case bytes.Equal(b, epochBody(ring, epoch)):
		return ourKey, nil
	}
	return otherKey, nil
}

// confirm returns a ring that seals under the newest epoch that counts, and that lacks the
// epochs which belong to another key. It reports whether the rotation that made the ring has
// finished. If the object of an epoch is damaged, confirm takes the epoch for the ring's.
func confirm(ctx context.Context, store *object.Store, ring *seal.Keyring) (_ *seal.Keyring, finished bool, err error) {
	finished = true
	for epoch := ring.Newest(); epoch > 1; epoch-- {
		state, err := stateOf(ctx, store, ring, epoch)
		if err != nil {
			return nil, false, err
		}
		switch state {
		case ourKey, damagedEpoch:
			return ring, finished, nil
		case undecided:
			ring, finished = ring.SealingUnder(epoch-1), false
		case otherKey:
			ring, finished = ring.FirstEpochs(epoch-1), false
		}
	}
	return ring, finished, nil
}

// Current returns seal.ErrNoKey if the repository has a newer epoch than the ring.
func (k *Keys) Current(ctx context.Context) error {
	_, err := k.store.Stat(ctx, EpochName(k.ring.Newest()+1))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return seal.ErrNoKey
}

// newestEpoch returns the newest epoch that counts.
func (k *Keys) newestEpoch(ctx context.Context) (uint32, error) {
	newest := k.ring.Epoch()
	for info, err := range k.store.List(ctx, object.Epochs) {
		if err != nil {
			return 0, err
		}
		digits := object.Epochs.Rest(info.Name)
		if epoch, err := strconv.ParseUint(digits, 10, 32); err == nil && EpochName(uint32(epoch)) == info.Name {
			newest = max(newest, uint32(epoch))
		}
	}
	return newest, nil
}
