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
type Keyring struct{ roots [][KeySize]byte }

// NewKeyring returns a ring with one epoch. Its key comes from random, or from
// crypto/rand where that is nil.
func NewKeyring(random io.Reader) (*Keyring, error) {
	return new(Keyring).Rotated(random)
}

// Rotated returns a ring with one more epoch, whose key is independent of the others.
func (k *Keyring) Rotated(random io.Reader) (*Keyring, error) {
	if random == nil {
		random = rand.Reader
	}
	if len(k.roots) >= maxEpochs {
		return nil, fmt.Errorf("key ring: %d epochs are the most", maxEpochs)
	}
	roots := make([][KeySize]byte, len(k.roots)+1)
	copy(roots, k.roots)
	if _, err := io.ReadFull(random, roots[len(k.roots)][:]); err != nil {
		return nil, fmt.Errorf("random key: %w", err)
	}
	return &Keyring{roots}, nil
}

// Epoch returns the newest epoch, which new objects are sealed under.
func (k *Keyring) Epoch() uint32 { return uint32(len(k.roots)) }

func (k *Keyring) root(epoch uint32) (root [KeySize]byte, ok bool) {
	if epoch == 0 || epoch > k.Epoch() {
		return root, false
	}
	return k.roots[epoch-1], true
}

// SubKey returns the key for a purpose that outlives rotation.
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
	k := &Keyring{make([][KeySize]byte, len(b)/KeySize)}
	for i := range k.roots {
		copy(k.roots[i][:], b[i*KeySize:])
	}
	return k, nil
}
