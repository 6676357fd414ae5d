package repo

import (
	"bytes"
	"encoding/hex"

	"github.com/qsnap/qsnap/internal/seal"
)

// A Memory keeps short values for a while, where nobody but the user can read them and
// no disk sees them. It is safe for concurrent use. What it loses costs time only.
type Memory interface {
	// Load returns the value under a name, or an error if there is none.
	Load(name string) ([]byte, error)
	// Store keeps a value under a name, in place of any other.
	Store(name string, value []byte) error
}

// Remember returns the secret with a memory, for who opens a repository often with a
// passphrase that is at hand on this machine anyway, as in a file: what it takes to
// open a key slot is spent on the first time only.
//
// What is kept is the slot once more, sealed under the same passphrase at less effort:
// 7 MiB and about 13 ms instead of 64 MiB and about 80. It opens nothing without the
// passphrase, and nothing if the slot itself isn't in the repository any more. But who
// can read the memory can try out passphrases at that lower price, so that a passphrase
// which is typed, or comes from a vault, had better not be remembered. A secret that is
// no passphrase is never kept.
func (s Secret) Remember(m Memory) Secret {
	s.memory = m
	return s
}

// memoryName returns the name under which a slot is remembered.
func memoryName(id string) string { return "qsnap:" + id }

// recall returns the ring of a slot that opens with the secret, if that is remembered.
func (s Secret) recall(slot keySlot) *seal.Keyring {
	if s.memory == nil {
		return nil
	}
	b, err := s.memory.Load(memoryName(slot.id))
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

// remember keeps what opens a slot, as far as there is a memory and it can.
func (s Secret) remember(id string, ring *seal.Keyring) {
	if s.memory == nil {
		return
	}
	// The id is the salt, so that what is kept of one slot can't open another. It is a
	// hash of a random one, and has never been one before.
	salt, err := hex.DecodeString(id)
	if err != nil {
		return
	}
	var light seal.Slot
	if err := light.Wrap(ring, s.secret, seal.LightKDF, bytes.NewReader(salt)); err != nil || !light.TakesPassphrase() {
		return
	}
	if b, err := light.Marshal(); err == nil {
		_ = s.memory.Store(memoryName(id), b) // else the next one takes as long as this one
	}
}
