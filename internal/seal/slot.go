package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"
)

// A Slot is a key slot: the key ring, wrapped under a secret. It is stored as readable
// JSON; binary fields are in base64.
//
// The wrapping key comes from the passphrase by Argon2id (RFC 9106), or from the key
// file's 32 bytes by HKDF-SHA256 with the slot's salt and the info string "qsnap 1 key
// slot". Wrapped is the ChaCha20-Poly1305 sealing, under that key and a nonce of zeros
// (the salt makes each key new), of the ring's root keys in order. The additional data is
// "qsnap 1 key slot", the KDF's name, its time, memory and threads as 4 bytes
// little-endian each, and the salt.
type Slot struct {
	Version   int       `json:"qsnap_key_slot"`
	KDF       string    `json:"kdf"` // "argon2id", or "hkdf" for a key file
	Time      uint32    `json:"time,omitempty"`
	MemoryKiB uint32    `json:"memory_kib,omitempty"`
	Threads   uint32    `json:"threads,omitempty"`
	Salt      []byte    `json:"salt"`
	Wrapped   []byte    `json:"wrapped"`
	Created   time.Time `json:"created"`
	Hostname  string    `json:"hostname,omitempty"`
	Username  string    `json:"username,omitempty"`
	Label     string    `json:"label,omitempty"`
}

// A KDFCost is the cost of one guess of a passphrase: parameters of Argon2id.
type KDFCost struct{ Time, MemoryKiB, Threads uint32 }

var (
	// StrongKDF is for slots that others may obtain: the second recommendation of RFC 9106,
	// section 4.
	StrongKDF = KDFCost{3, 64 << 10, 4}
	// LightKDF is for slots that only the user can read: the weakest parameters that
	// OWASP's Password Storage Cheat Sheet recommends, with the lanes of StrongKDF.
	LightKDF = KDFCost{5, 7 << 10, 4}
)

// The bounds keep a foreign slot from using up the machine's memory and time.
const (
	maxTime, maxMemoryKiB, maxThreads = 64, 1 << 20, 64

	kdfPassphrase, kdfKeyFile = "argon2id", "hkdf"
	slotContext               = "qsnap 1 key slot"
	maxSlotSize               = 4 << 20
)

// ErrWrongSecret means that the secret doesn't open a slot.
var ErrWrongSecret = errors.New("wrong password or key")

// Wrap seals the ring under the secret and completes the slot, whose descriptive fields
// the caller has set. cost is used for passphrases only. Random bytes come from random,
// or from crypto/rand if that is nil.
func (s *Slot) Wrap(ring *Keyring, secret Secret, cost KDFCost, random io.Reader) error {
	if random == nil {
		random = rand.Reader
	}
	s.Version = Version
	switch {
	case secret.passphrase != nil:
		s.KDF, s.Time, s.MemoryKiB, s.Threads = kdfPassphrase, cost.Time, cost.MemoryKiB, cost.Threads
	case secret.key != nil:
		s.KDF = kdfKeyFile
	default:
		return errors.New("key slot: wrapping a key ring needs a passphrase or a key file")
	}
	s.Salt = make([]byte, KeySize)
	if _, err := io.ReadFull(random, s.Salt); err != nil {
		return fmt.Errorf("random salt: %w", err)
	}
	aead, err := s.cipher(secret)
	if err != nil {
		return err
	}
	s.Wrapped = aead.Seal(nil, make([]byte, aead.NonceSize()), ring.bytes(), s.additional())
	return nil
}

// Marshal returns the slot as it is stored: JSON.
func (s *Slot) Marshal() ([]byte, error) { return json.MarshalIndent(s, "", "  ") }

// ParseSlot parses a stored slot and checks its bounds.
func ParseSlot(b []byte) (*Slot, error) {
	if len(b) > maxSlotSize {
		return nil, errors.New("key slot: too large")
	}
	var s Slot
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("key slot: %w", err)
	}
	switch {
	case s.Version > Version:
		return nil, fmt.Errorf("key slot: %w", &VersionError{byte(min(s.Version, 255))})
	case s.Version != Version || len(s.Salt) != KeySize || len(s.Wrapped) < KeySize+Overhead:
		return nil, errors.New("key slot: damaged")
	case s.KDF == kdfPassphrase:
		if s.Time < 1 || s.Time > maxTime || s.Threads < 1 || s.Threads > maxThreads ||
			s.MemoryKiB < 8 || s.MemoryKiB > maxMemoryKiB {
			return nil, errors.New("key slot: Argon2id parameters out of bounds")
		}
	case s.KDF != kdfKeyFile:
		return nil, fmt.Errorf("key slot: unknown key derivation %q", s.KDF)
	}
	return &s, nil
}

// TakesPassphrase reports whether the slot opens with a passphrase.
func (s *Slot) TakesPassphrase() bool { return s.KDF == kdfPassphrase }

// Accepts reports whether the slot takes this kind of secret. If so, a failure of Unwrap
// means that the secret is the wrong one.
func (s *Slot) Accepts(secret Secret) bool {
	return s.KDF == kdfPassphrase && secret.passphrase != nil || s.KDF == kdfKeyFile && secret.key != nil
}

// Epochs returns how many epochs the ring in the slot has.
func (s *Slot) Epochs() uint32 { return uint32((len(s.Wrapped) - Overhead) / KeySize) }

// Unwrap opens the slot, or returns ErrWrongSecret.
func (s *Slot) Unwrap(secret Secret) (*Keyring, error) {
	if !s.Accepts(secret) {
		return nil, ErrWrongSecret
	}
	aead, err := s.cipher(secret)
	if err != nil {
		return nil, err
	}
	ring, err := aead.Open(nil, make([]byte, aead.NonceSize()), s.Wrapped, s.additional())
	if err != nil {
		return nil, ErrWrongSecret
	}
	return parseKeyring(ring)
}

// Recovered returns the key ring of a recovery sheet, which needs no slot.
func (s Secret) Recovered() (*Keyring, bool) { return s.ring, s.ring != nil }

func (s *Slot) cipher(secret Secret) (cipher.AEAD, error) {
	if s.KDF == kdfPassphrase {
		defer expectMemory(int(s.MemoryKiB) << 10)()
		return chacha20poly1305.New(argon2.IDKey(secret.passphrase, s.Salt, s.Time, s.MemoryKiB, uint8(s.Threads), KeySize))
	}
	key, err := hkdf.Key(sha256.New, secret.key, s.Salt, slotContext, KeySize)
	if err != nil {
		return nil, err
	}
	return chacha20poly1305.New(key)
}

func (s *Slot) additional() []byte {
	b := []byte(slotContext + s.KDF)
	b = binary.LittleEndian.AppendUint32(b, s.Time)
	b = binary.LittleEndian.AppendUint32(b, s.MemoryKiB)
	b = binary.LittleEndian.AppendUint32(b, s.Threads)
	return append(b, s.Salt...)
}
