package repo

import (
	"context"
	"time"

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

// Keys returns the repository's key slots.
func (r *Repo) Keys(ctx context.Context) ([]Key, error) {
	all, err := r.keys.List(ctx)
	return keysOf(all), err
}

// AddKey adds a slot that opens with the secret, which may not be a recovery sheet.
func (r *Repo) AddKey(ctx context.Context, secret Secret, label string) (Key, error) {
	k, err := r.keys.Add(ctx, secret.secret, label)
	return Key(k), err
}

// RemoveKey removes the slot whose id begins so. The last one can't be removed,
// nor the one this Repo was opened with.
func (r *Repo) RemoveKey(ctx context.Context, prefix string) error { return r.keys.Remove(ctx, prefix) }

// ReplaceKey adds a slot for the secret and removes the one this Repo was opened
// with, in this order.
func (r *Repo) ReplaceKey(ctx context.Context, secret Secret) error {
	return r.keys.Replace(ctx, secret.secret)
}

// RotateKey makes a new key. Everyone who opens the repository from now on seals with it,
// and it is independent of the keys before. The secret wraps it, and has to be a
// passphrase or a key file. The new slot replaces the one that this Repo was opened with
// and all others that open with the same secret. RotateKey returns the slots that are
// left, which open only what was sealed until now: remove them, or replace them by AddKey.
// Print recovery sheets again, too. This Repo itself, and others that are open, keep their
// key: to change anything from now on, open the repository again.
//
// Prune seals packs and index deltas again that are sealed with older keys, as far as its
// options let it. Rotation takes back nothing that the owner of an older key has copied,
// nor does it hide the manifests that were there from an older key: they keep it until
// they are forgotten. The keys that ids are made with stay the same.
//
// Opened with an older key, the repository shows what is sealed with it; everything else,
// and every change, is ErrNewerKey. An interrupted rotation leaves a repository that the
// secret opens as before; the next rotation completes it.
func (r *Repo) RotateKey(ctx context.Context, secret Secret) (left []Key, err error) {
	all, err := r.keys.Rotate(ctx, secret.secret)
	return keysOf(all), err
}

// RecoverySheet returns the lines that open the repository with no key slot at
// all, to be printed and kept away from it. Whoever has them can read everything.
func (r *Repo) RecoverySheet() (string, error) { return seal.RecoverySheet(r.ring) }
