package chunk

import (
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"github.com/zeebo/blake3"
)

// ErrDamaged is matched, with errors.Is, by every error that means damage: stored data is
// missing or unreadable. It is defined here because every package that reads stored data
// imports this one.
var ErrDamaged = errors.New("damaged")

// IDSize is the length of an ID in bytes.
const IDSize = 32

// An ID names a blob: the keyed BLAKE3-256 hash of its plaintext. Without the key it
// reveals nothing about the content.
type ID [IDSize]byte

// String returns the ID as 64 hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Short returns the first 8 hexadecimal digits, for people.
func (id ID) Short() string { return hex.EncodeToString(id[:4]) }

// IsZero reports whether the ID is the zero value, which names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText returns the same text as String.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText parses the output of MarshalText.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	if err == nil {
		*id = parsed
	}
	return err
}

// ParseID parses 64 lower-case hexadecimal digits.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 2*IDSize {
		return id, fmt.Errorf("id %q: want 64 hexadecimal digits", s)
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil || id.String() != s {
		return id, fmt.Errorf("id %q: want 64 hexadecimal digits in lower case", s)
	}
	return id, nil
}

// A Hasher computes the IDs of one kind of blob in one repository. It is safe for
// concurrent use.
type Hasher struct {
	key  [32]byte
	pool sync.Pool // of *blake3.Hasher, whose state is 10 KiB
}

// NewHasher returns a Hasher with the given key. Each kind of blob, such as file data or
// trees, has a key of its own, so that their IDs never collide.
func NewHasher(key [32]byte) *Hasher {
	h := &Hasher{key: key}
	h.pool.New = func() any {
		keyed, err := blake3.NewKeyed(h.key[:])
		if err != nil {
			panic(err) // impossible: the key's length is right
		}
		return keyed
	}
	return h
}

// ID returns the ID of a blob.
func (h *Hasher) ID(blob []byte) ID {
	keyed := h.pool.Get().(*blake3.Hasher)
	defer h.pool.Put(keyed)
	keyed.Reset()
	keyed.Write(blob)
	var id ID
	keyed.Sum(id[:0])
	return id
}

// ErrMismatch means that a blob does not have the hash that its ID says.
var ErrMismatch = errors.New("content does not match its id")

// Verify returns ErrMismatch unless the blob has that ID.
func (h *Hasher) Verify(id ID, blob []byte) error {
	if h.ID(blob) != id {
		return fmt.Errorf("chunk %s: %w", id.Short(), ErrMismatch)
	}
	return nil
}
