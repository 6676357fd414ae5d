package keys

import (
	"bytes"
	"encoding/hex"

	"github.com/qsnap/qsnap/internal/seal"
)

// An UnlockCache keeps short values for a while. Nobody but the user can read them, and they
// are never written to a disk. It is safe for concurrent use. A lost value costs only time.
type UnlockCache interface {
	// Load returns the value under a name, or an error if there is none.
	Load(name string) ([]byte, error)
	// Store keeps a value under a name, in place of any other.
	Store(name string, value []byte) error
}

// WithCache returns the secret with a cache. The cache is for programs that often open a
// repository with a passphrase which this machine stores anyway, as in a file. Only the first
// opening takes the time and memory that a key slot demands.
//
// The cache keeps a copy of the slot, wrapped under the same passphrase at a lower cost: 7 MiB
// and about 13 ms instead of 64 MiB and about 80 ms. The copy opens nothing without the
// passphrase, and nothing once the slot itself is removed from the repository. But anyone who
// can read the cache can try passphrases at that lower cost. So a passphrase that is typed, or
// comes from a vault, should not be cached. Secrets other than passphrases are never cached.
func (s Secret) WithCache(c UnlockCache) Secret {
	s.cache = c
	return s
}

// cacheName returns the name under which a slot is cached.
func cacheName(id string) string { return "qsnap:" + id }

// recall returns the ring of a slot from the cache, or nil.
func (s Secret) recall(slot keySlot) *seal.Keyring {
	if s.cache == nil {
		return nil
	}
	b, err := s.cache.Load(cacheName(slot.id))
	if err != nil {
		return nil
	}
	light, err := seal.ParseSlot(b)
	if err != nil || hex.EncodeToString(light.Salt) != slot.id {
		return nil
	}
	ring, err := light.Unwrap(s.secret)
	if err != nil {
		return nil // another passphrase: the slot itself decides
	}
	return ring
}

// remember puts the ring of a slot into the cache, if there is one.
func (s Secret) remember(id string, ring *seal.Keyring) {
	if s.cache == nil {
		return
	}
	// The id is the salt, so that the copy of one slot can't open another. The id is the hash
	// of a random salt, and has never been a salt before.
	salt, err := hex.DecodeString(id)
	if err != nil {
		return
	}
	var light seal.Slot
	if err := light.Wrap(ring, s.secret, seal.LightKDF, bytes.NewReader(salt)); err != nil || !light.TakesPassphrase() {
		return
	}
	if b, err := light.Marshal(); err == nil {
		_ = s.cache.Store(cacheName(id), b) // if it fails, the next opening takes as long as this one
	}
}
