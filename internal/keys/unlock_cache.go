package keys

import (
	"bytes"
	"encoding/hex"

	"github.com/qsnap/qsnap/internal/seal"
)

// An UnlockCache keeps short values for a while, where nobody but the user can read them and
// no disk sees them. It is safe for concurrent use. What it loses costs time only.
type UnlockCache interface {
	// Load returns the value under a name, or an error if there is none.
	Load(name string) ([]byte, error)
	// Store keeps a value under a name, in place of any other.
	Store(name string, value []byte) error
}

// WithCache returns the secret with a cache. It is for programs that open a repository
// often with a passphrase that is at hand on this machine anyway, as in a file: only the
// first opening spends what it takes to open a key slot.
//
// The cache keeps a copy of the slot, sealed under the same passphrase with less effort:
// 7 MiB and about 13 ms instead of 64 MiB and about 80. The copy opens nothing without the
// passphrase, and nothing after the slot itself has left the repository. But anyone who
// can read the cache can try passphrases at that lower price. So a passphrase that is
// typed, or comes from a vault, should not be cached. A secret that is no passphrase is
// never kept.
func (s Secret) WithCache(c UnlockCache) Secret {
	s.cache = c
	return s
}

// cacheName returns the name under which a slot is cached.
func cacheName(id string) string { return "qsnap:" + id }

// recall returns the ring of a slot that opens with the secret, if the cache has it.
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
		return nil // it is another passphrase; the slot itself has the last word
	}
	return ring
}

// remember keeps what opens a slot, if there is a cache.
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
		_ = s.cache.Store(cacheName(id), b) // without it the next opening takes as long as this one
	}
}
