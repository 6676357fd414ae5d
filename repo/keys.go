package repo

import (
	"context"
	"time"

	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/keys"
	"github.com/qsnap/qsnap/internal/seal"
)

// ErrNewerKey means that something is sealed with a key that was made after the one
// the repository was opened with: see RotateKey.
var ErrNewerKey = seal.ErrNoKey

// A Secret opens a repository.
type Secret struct{ secret keys.Secret }

// Passphrase returns the secret that a person types.
func Passphrase(p string) Secret { return Secret{keys.Passphrase(p)} }

// ParseKey reads the text of a key file, as NewKey returns it, or of a recovery
// sheet, as RecoverySheet returns it. Lines that begin with # are comments.
func ParseKey(text []byte) (Secret, error) {
	s, err := keys.ParseKey(text)
	return Secret{s}, err
}

// NewKey returns the text of a new key file.
func NewKey() (string, error) { return seal.NewKeyFile(nil) }

// A Memory keeps short values for a while, where nobody but the user can read them and
// no disk sees them. It is safe for concurrent use. What it loses costs time only.
type Memory interface {
	// Load returns the value under a name, or an error if there is none.
	Load(name string) ([]byte, error)
	// Store keeps a value under a name, in place of any other.
	Store(name string, value []byte) error
}

// Remember returns the secret with a memory. It is for programs that open a repository
// often with a passphrase that is at hand on this machine anyway, as in a file: only the
// first opening spends what it takes to open a key slot.
//
// The memory keeps a copy of the slot, sealed under the same passphrase with less effort:
// 7 MiB and about 13 ms instead of 64 MiB and about 80. The copy opens nothing without the
// passphrase, and nothing after the slot itself has left the repository. But anyone who
// can read the memory can try passphrases at that lower price. So a passphrase that is
// typed, or comes from a vault, should not be remembered. A secret that is no passphrase
// is never kept.
func (s Secret) Remember(m Memory) Secret { return Secret{s.secret.WithCache(m)} }

// A Key is a slot that opens the repository with one secret.
type Key struct {
	ID       string    `json:"id"`      // of the slot
	Current  bool      `json:"current"` // it is the one this Repo was opened with
	Kind     string    `json:"kind"`    // "passphrase" or "key file"
	Created  time.Time `json:"created"`
	Hostname string    `json:"hostName"`
	Username string    `json:"userName"`
	Label    string    `json:"label"`
	Outdated bool      `json:"outdated"` // it was made before the last rotation (see RotateKey)
}

func keysOf(all []keys.Key) []Key {
	var out []Key
	for _, k := range all {
		out = append(out, Key(k))
	}
	return out
}

func listKeys(ctx context.Context, e *engine.Engine) ([]Key, error) {
	all, err := e.Keys.List(ctx)
	return keysOf(all), err
}

func addKey(ctx context.Context, e *engine.Engine, secret Secret, label string) (Key, error) {
	k, err := e.Keys.Add(ctx, secret.secret, label)
	return Key(k), err
}

func removeKey(ctx context.Context, e *engine.Engine, prefix string) error {
	return e.Keys.Remove(ctx, prefix)
}

func replaceKey(ctx context.Context, e *engine.Engine, secret Secret) error {
	return e.Keys.Replace(ctx, secret.secret)
}

func rotateKey(ctx context.Context, e *engine.Engine, secret Secret) (left []Key, err error) {
	all, err := e.Keys.Rotate(ctx, secret.secret)
	return keysOf(all), err
}

func recoverySheet(e *engine.Engine) (string, error) { return seal.RecoverySheet(e.Ring) }
