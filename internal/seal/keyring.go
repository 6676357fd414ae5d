package seal

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// maxEpochs bounds a key ring, so that a damaged one can't ask for much memory.
const maxEpochs = 1 << 16

// A Keyring holds the root keys of a repository, one per epoch. It is immutable.
type Keyring struct {
	roots [][KeySize]byte
	epoch uint32 // that new objects are sealed under; 0 means the newest
}

// NewKeyring returns a ring with one epoch. Its key comes from random, or from
// crypto/rand if that is nil.
func NewKeyring(random io.Reader) (*Keyring, error) {
	return new(Keyring).Rotated(random)
}

// Rotated returns a ring with one more epoch, whose key is independent of the others.
func (k *Keyring) Rotated(random io.Reader) (*Keyring, error) {
	if random == nil {
		random = rand.Reader
	}
	if len(k.roots) >= maxEpochs {
		return nil, fmt.Errorf("key ring: it has %d epochs and can't have more", maxEpochs)
	}
	roots := make([][KeySize]byte, len(k.roots)+1)
	copy(roots, k.roots)
	if _, err := io.ReadFull(random, roots[len(k.roots)][:]); err != nil {
		return nil, fmt.Errorf("random key: %w", err)
	}
	return &Keyring{roots: roots}, nil
}

// Epoch returns the epoch that new objects are sealed under.
func (k *Keyring) Epoch() uint32 {
	if k.epoch != 0 {
		return k.epoch
	}
	return k.Newest()
}

// Newest returns the newest epoch of the ring.
func (k *Keyring) Newest() uint32 { return uint32(len(k.roots)) }

// SealingUnder returns a ring that opens the same objects and seals new ones under the
// given epoch.
func (k *Keyring) SealingUnder(epoch uint32) *Keyring { return &Keyring{k.roots, epoch} }

// FirstEpochs returns a ring with only the first epochs, at least one.
func (k *Keyring) FirstEpochs(epochs uint32) *Keyring { return &Keyring{roots: k.roots[:epochs]} }

// Common returns how many leading epochs two rings share. Either ring opens the objects
// of those epochs.
func (k *Keyring) Common(o *Keyring) uint32 {
	n := 0
	for n < len(k.roots) && n < len(o.roots) && k.roots[n] == o.roots[n] {
		n++
	}
	return uint32(n)
}

// Commitment returns bytes that only a holder of the epoch's key can compute, and that
// reveal nothing about the key.
func (k *Keyring) Commitment(epoch uint32) [KeySize]byte {
	root, _ := k.root(epoch)
	key, err := hkdf.Key(sha256.New, root[:], nil, "qsnap 1 epoch", KeySize)
	if err != nil {
		panic(err) // only for a length that SHA-256 can't expand to
	}
	return [KeySize]byte(key)
}

func (k *Keyring) root(epoch uint32) (root [KeySize]byte, ok bool) {
	if epoch == 0 || epoch > k.Newest() {
		return root, false
	}
	return k.roots[epoch-1], true
}

// SubKey returns the key for a purpose. Rotation does not change it.
func (k *Keyring) SubKey(purpose string) [KeySize]byte {
	key, err := hkdf.Key(sha256.New, k.roots[0][:], nil, "qsnap 1 "+purpose, KeySize)
	if err != nil {
		panic(err) // only for a length that SHA-256 can't expand to
	}
	return [KeySize]byte(key)
}

// bytes returns the root keys in order.
func (k *Keyring) bytes() []byte {
	var out []byte
	for _, r := range k.roots {
		out = append(out, r[:]...)
	}
	return out
}

func parseKeyring(b []byte) (*Keyring, error) {
	if len(b) == 0 || len(b)%KeySize != 0 || len(b)/KeySize > maxEpochs {
		return nil, errors.New("key ring: wrong length")
	}
	k := &Keyring{roots: make([][KeySize]byte, len(b)/KeySize)}
	for i := range k.roots {
		copy(k.roots[i][:], b[i*KeySize:])
	}
	return k, nil
}
