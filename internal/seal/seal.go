// Package seal encrypts and authenticates the objects of one repository.
//
// # Sealed objects
//
// Every object of a repository except its key slots begins with the same 48-byte header,
// followed by ciphertext:
//
//	offset size
//	     0    5  "qsnap"
//	     5    1  kind: what the object is (see the Kind constants)
//	     6    1  format version, now 1
//	     7    1  AEAD: 1 AES-256-GCM, 2 ChaCha20-Poly1305
//	     8    4  epoch of the root key, little-endian, from 1
//	    12    4  zero
//	    16   32  salt: random, or the 16 bytes of a run and 16 that are random
//	    48       ciphertext, each part followed by its 16-byte tag
//
// All packs that one run writes share the first half of the salt. So a pruner can tell
// which packs belong to a run that is alive.
//
// Each object has a key of its own: HKDF-SHA256 (RFC 5869) of the epoch's root key with
// the object's salt and the info string "qsnap 1 object " followed by the kind. Under
// that key, part number n of the object (its ordinal) is sealed with the nonce n, as 12
// bytes little-endian, so a nonce can't repeat. The additional data is the header, the
// 32-byte repository id and the ordinal as 8 bytes little-endian: a part can't be moved
// to another place, object, kind or repository. An object in one piece is sealed as part
// 0. The config is sealed with a repository id of zeros, because the config is what holds
// the id.
//
// # Keys
//
// A repository has one 32-byte random root key per epoch. The first epoch is 1, and a
// rotation adds the next, whose key is independent of the others. The HKDF of an epoch's
// root key, with no salt and the info string "qsnap 1 epoch", yields 32 bytes that tell
// two rings apart in public. The root keys in order are the key ring. Slots (see Slot)
// wrap the key ring under a passphrase or a key file. Sub-keys that outlive a rotation,
// such as those of blob ids, are derived from epoch 1 with HKDF, no salt and the info
// string "qsnap 1 " followed by their purpose. Therefore epoch 1 stays in the ring for
// ever.
//
// # What an outsider learns
//
// From the target alone: the number, sizes, times and kinds of objects. The sizes of
// chunks are hidden inside segments of many chunks and sealed footers, but a large chunk
// stored alone shows its compressed size. A random chunking polynomial alone is no
// defence against fingerprinting by someone who can choose what is backed up.
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/sys/cpu"
)

// Version is the format version that this package writes, and the only one that it reads.
const Version = 1

const (
	// HeaderSize is the length of the header of every sealed object.
	HeaderSize = 48
	// Overhead is how many bytes sealing adds to a part.
	Overhead = 16
	// KeySize is the length of root keys, repository ids and salts.
	KeySize = 32
)

// A Kind says what a sealed object is.
type Kind byte

// The kinds of objects.
const (
	Config     Kind = 'C'
	DataPack   Kind = 'D'
	TreePack   Kind = 'T'
	IndexDelta Kind = 'I'
	Manifest   Kind = 'S'
	Lease      Kind = 'L'
	Quarantine Kind = 'Q'
	Tombstone  Kind = 'X'
	Mark       Kind = 'M'
	Loss       Kind = 'O'
	Reserve    Kind = 'R'
)

// String returns the kind's name as messages use it.
func (k Kind) String() string {
	switch k {
	case Config:
		return "config"
	case DataPack:
		return "data pack"
	case TreePack:
		return "tree pack"
	case IndexDelta:
		return "index delta"
	case Manifest:
		return "snapshot manifest"
	case Lease:
		return "lease"
	case Quarantine:
		return "quarantine"
	case Tombstone:
		return "tombstone"
	case Mark:
		return "mark"
	case Loss:
		return "loss"
	case Reserve:
		return "reserve"
	}
	return fmt.Sprintf("object of unknown kind 0x%02x", byte(k))
}

// An AEAD names the cipher that seals an object.
type AEAD byte

// The ciphers an object may be sealed with.
const (
	AES256GCM        AEAD = 1
	ChaCha20Poly1305 AEAD = 2
)

// String returns the cipher's usual name.
func (a AEAD) String() string {
	switch a {
	case AES256GCM:
		return "AES-256-GCM"
	case ChaCha20Poly1305:
		return "ChaCha20-Poly1305"
	}
	return fmt.Sprintf("unknown AEAD %d", byte(a))
}

// Preferred returns AES-256-GCM where the processor has instructions for it and
// ChaCha20-Poly1305 elsewhere.
func Preferred() AEAD {
	switch runtime.GOARCH {
	case "amd64":
		if cpu.X86.HasAES && cpu.X86.HasPCLMULQDQ {
			return AES256GCM
		}
	case "arm64":
		if runtime.GOOS == "darwin" || cpu.ARM64.HasAES && cpu.ARM64.HasPMULL {
			return AES256GCM
		}
	case "s390x":
		if cpu.S390X.HasAESGCM {
			return AES256GCM
		}
	}
	return ChaCha20Poly1305
}

var (
	// ErrNotSealed means that the bytes don't begin with the header of a sealed object.
	ErrNotSealed = errors.New("not a qsnap object")
	// ErrDamaged means that the bytes don't authenticate: they were changed or truncated,
	// are in the wrong place, or belong to another repository.
	ErrDamaged = errors.New("damaged: authentication failed")
	// ErrNoKey means that the object is sealed under an epoch that the key ring lacks.
	ErrNoKey = errors.New("sealed with a newer key: open the repository with a key made after the rotation")
)

// A VersionError means that an object has a format version this package can't read.
type VersionError struct{ Version byte }

// Error names the version of the object and the version that this package reads.
func (e *VersionError) Error() string {
	return fmt.Sprintf("format version %d is newer than this qsnap reads (%d): upgrade qsnap", e.Version, Version)
}

// A Header is the first 48 bytes of a sealed object, checked by ParseHeader.
type Header [HeaderSize]byte

// ParseHeader reads the header at the front of an object. Its errors are ErrNotSealed,
// ErrDamaged (fixed fields are wrong) and *VersionError.
func ParseHeader(b []byte) (Header, error) {
	var h Header
	if len(b) < HeaderSize || !bytes.HasPrefix(b, []byte("qsnap")) {
		return h, ErrNotSealed
	}
	copy(h[:], b)
	if h[6] != Version {
		if h[6] == 0 {
			return h, ErrDamaged
		}
		return h, &VersionError{h[6]}
	}
	if h.aead() != AES256GCM && h.aead() != ChaCha20Poly1305 ||
		h.Epoch() == 0 || binary.LittleEndian.Uint32(h[12:]) != 0 {
		return h, ErrDamaged
	}
	return h, nil
}

// Kind returns what the object claims to be; only opening a part proves it.
func (h *Header) Kind() Kind { return Kind(h[5]) }

// Epoch returns the epoch of the root key that the object is sealed under.
func (h *Header) Epoch() uint32 { return binary.LittleEndian.Uint32(h[8:]) }

// Run returns the run that made the object, if a run made it.
func (h *Header) Run() Run { return Run(h[16:]) }

func (h *Header) aead() AEAD   { return AEAD(h[7]) }
func (h *Header) salt() []byte { return h[16:] }

// A Run identifies one run that writes objects.
type Run [16]byte

// NewRun returns a random Run.
func (b *Sealer) NewRun() (run Run, err error) {
	if _, err := io.ReadFull(b.rand, run[:]); err != nil {
		return run, fmt.Errorf("random id: %w", err)
	}
	return run, nil
}

// A Sealer seals and opens the objects of one repository. It is safe for
// concurrent use if its source of randomness is.
type Sealer struct {
	ring *Keyring
	id   [KeySize]byte
	aead AEAD
	rand io.Reader
}

// NewSealer returns a Sealer for the repository with that id. New objects are sealed with
// aead under the ring's Epoch. Salts come from random, or from crypto/rand if it is nil:
// reusing a salt under one ring breaks the cipher.
func NewSealer(ring *Keyring, id [KeySize]byte, aead AEAD, random io.Reader) *Sealer {
	if random == nil {
		random = rand.Reader
	}
	return &Sealer{ring, id, aead, random}
}

// A Cipher seals and opens the parts of one object. It is safe for concurrent use.
type Cipher struct {
	header Header
	aead   cipher.AEAD
	id     [KeySize]byte
}

// NewCipher returns the cipher of a new object of a run. The second half of its salt is
// new.
func (b *Sealer) NewCipher(run Run, kind Kind) (*Cipher, error) {
	var h Header
	copy(h[:], "qsnap")
	h[5], h[6], h[7] = byte(kind), Version, byte(b.aead)
	binary.LittleEndian.PutUint32(h[8:], b.ring.Epoch())
	copy(h.salt(), run[:])
	if _, err := io.ReadFull(b.rand, h.salt()[len(run):]); err != nil {
		return nil, fmt.Errorf("random salt: %w", err)
	}
	return b.Cipher(h)
}

// Cipher returns the cipher of an existing object from its header.
func (b *Sealer) Cipher(h Header) (*Cipher, error) {
	root, ok := b.ring.root(h.Epoch())
	if !ok {
		return nil, ErrNoKey
	}
	key, err := hkdf.Key(sha256.New, root[:], h.salt(), "qsnap 1 object "+string(rune(h.Kind())), KeySize)
	if err != nil {
		return nil, err
	}
	c := &Cipher{header: h, id: b.id}
	switch h.aead() {
	case AES256GCM:
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		c.aead, err = cipher.NewGCM(block)
		return c, err
	case ChaCha20Poly1305:
		c.aead, err = chacha20poly1305.New(key)
		return c, err
	}
	return nil, ErrDamaged
}

// Header returns the header that the object begins with.
func (c *Cipher) Header() Header { return c.header }

// Seal appends the sealed part to dst. No ordinal may be sealed twice. part may share its
// storage with dst only if it is dst[:0] of the same slice.
func (c *Cipher) Seal(dst, part []byte, ordinal uint64) []byte {
	nonce, aad := c.bind(ordinal)
	return c.aead.Seal(dst, nonce[:], part, aad[:])
}

// Open appends the opened part to dst, or returns ErrDamaged.
func (c *Cipher) Open(dst, sealed []byte, ordinal uint64) ([]byte, error) {
	nonce, aad := c.bind(ordinal)
	out, err := c.aead.Open(dst, nonce[:], sealed, aad[:])
	if err != nil {
		return nil, ErrDamaged
	}
	return out, nil
}

func (c *Cipher) bind(ordinal uint64) (nonce [12]byte, aad [HeaderSize + KeySize + 8]byte) {
	binary.LittleEndian.PutUint64(nonce[:], ordinal)
	copy(aad[:], c.header[:])
	copy(aad[HeaderSize:], c.id[:])
	binary.LittleEndian.PutUint64(aad[HeaderSize+KeySize:], ordinal)
	return nonce, aad
}

// Seal returns a complete object of one part, under a run of its own.
func (b *Sealer) Seal(kind Kind, body []byte) ([]byte, error) {
	run, err := b.NewRun()
	if err != nil {
		return nil, err
	}
	return b.SealIn(run, kind, body)
}

// SealIn returns a complete object of one part that belongs to a run.
func (b *Sealer) SealIn(run Run, kind Kind, body []byte) ([]byte, error) {
	c, err := b.NewCipher(run, kind)
	if err != nil {
		return nil, err
	}
	out := make([]byte, HeaderSize, HeaderSize+len(body)+Overhead)
	copy(out, c.header[:])
	return c.Seal(out, body, 0), nil
}

// Open returns the body of an object of one part, which must have that kind. Its errors
// are those of ParseHeader, ErrNoKey and ErrDamaged.
func (b *Sealer) Open(kind Kind, object []byte) ([]byte, error) {
	h, err := ParseHeader(object)
	if err != nil {
		return nil, err
	}
	if h.Kind() != kind {
		return nil, fmt.Errorf("%w: it is a %v, not a %v", ErrDamaged, h.Kind(), kind)
	}
	c, err := b.Cipher(h)
	if err != nil {
		return nil, err
	}
	return c.Open(nil, object[HeaderSize:], 0)
}
