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

// An epoch of keys after the first counts once an object names it,
//
//	epochs/<number, 8 digits>
//
// which holds 32 bytes that only its key can make (package seal), and the first 16
// bytes of their BLAKE3 hash. Create-only Put decides between two that rotate at
// once: a slot may wrap the key of an epoch before that is decided, but nothing is
// sealed under it.
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

// Whose an epoch is.
type epochOwner int

const (
	nobodys epochOwner = iota // it doesn't count yet
	ours
	others
	unknown // the object that says it is damaged
)

// ownerOf finds out whose an epoch is.
func ownerOf(ctx context.Context, store *object.Store, ring *seal.Keyring, epoch uint32) (epochOwner, error) {
	const size = seal.KeySize + 16
	b, err := store.ReadFront(ctx, EpochName(epoch), size+1)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nobodys, nil
	case object.IsDamage(err):
		return unknown, nil
	case err != nil:
		return nobodys, err
	case len(b) != size || !bytes.Equal(b, WithSum(b[:seal.KeySize])):
		return unknown, nil
	case bytes.Equal(b, epochBody(ring, epoch)):
		return ours, nil
	}
	return others, nil
}

// confirm returns a ring as it counts: it seals under the newest epoch that does,
// and lacks those that became another's. It reports whether the ring is that of a
// rotation that came to its end. Where the object of an epoch is damaged, the ring
// is believed.
func confirm(ctx context.Context, store *object.Store, ring *seal.Keyring) (_ *seal.Keyring, whole bool, err error) {
	whole = true
	for epoch := ring.Newest(); epoch > 1; epoch-- {
		owner, err := ownerOf(ctx, store, ring, epoch)
		if err != nil {
			return nil, false, err
		}
		switch owner {
		case ours, unknown:
			return ring, whole, nil
		case nobodys:
			ring, whole = ring.SealingUnder(epoch-1), false
		case others:
			ring, whole = ring.FirstEpochs(epoch-1), false
		}
	}
	return ring, whole, nil
}

// Current returns seal.ErrNoKey if the repository has an epoch whose key these don't have.
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
