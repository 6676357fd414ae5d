package chunk

import (
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"github.com/zeebo/blake3"
)

// ErrDamaged is what every error matches, by errors.Is, that means damage: something that
// was stored is missing, or can't be read as what it was. It is here so that all packages
// that read what is stored can use it.
var ErrDamaged = errors.New("damaged")

// IDSize is the length of an ID in bytes.
const IDSize = 32

// An ID names a blob: the keyed BLAKE3-256 hash of its plaintext. Without the
// key it tells nothing about the content.
type ID [IDSize]byte

// String returns the ID as 64 hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Short returns the first 8 hexadecimal digits, for people.
func (id ID) Short() string { return hex.EncodeToString(id[:4]) }

// IsZero reports whether the ID is the zero value, which names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText returns what String returns.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText returns.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	if err == nil {
		*id = parsed
	}
	return err
}

// ParseID reads 64 hexadecimal digits in lower case.
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

// A Hasher computes the IDs of blobs of one sort in one repository. It is safe
// for concurrent use.
type Hasher struct {
	key  [32]byte
	pool sync.Pool // of *blake3.Hasher, whose state is 10 KiB
}

// NewHasher returns a Hasher with that key. Blobs of different sorts, such as
// file data and trees, use different keys, so that their IDs never meet.
func NewHasher(key [32]byte) *Hasher {
	h := &Hasher{key: key}
	h.pool.New = func() any {
		keyed, err := blake3.NewKeyed(h.key[:])
		if err != nil {
			panic(err) // only for a key of another length
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

// ErrMismatch means that a blob's bytes are not those its ID was made from.
var ErrMismatch = errors.New("content does not match its id")

// Verify returns ErrMismatch unless the blob has that ID.
func (h *Hasher) Verify(id ID, blob []byte) error {
	if h.ID(blob) != id {
		return fmt.Errorf("chunk %s: %w", id.Short(), ErrMismatch)
	}
	return nil
}
