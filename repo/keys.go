package repo

import (
	"context"
	"time"

	"github.com/qsnap/qsnap/internal/keys"
	"github.com/qsnap/qsnap/internal/seal"
)

// An Unlocker has the secret of a repository, or gets it when it is needed: from a key
// management service, a TPM or an agent. A Secret is its own Unlocker.
type Unlocker interface {
	// Unlock returns the secret that opens the repository. It is called once, after the
	// repository was found and before anything sealed is read.
	Unlock(ctx context.Context) (Secret, error)
}

// A Secret opens a repository: a passphrase, a key file or a recovery sheet.
type Secret struct{ secret keys.Secret }

// Unlock returns the secret itself.
func (s Secret) Unlock(context.Context) (Secret, error) { return s, nil }

// Passphrase returns the secret that a person types. An empty one is accepted, and protects
// nothing.
func Passphrase(p string) Secret { return Secret{keys.Passphrase(p)} }

// ParseKey reads the text of a key file, as NewKey returns it, or of a recovery
// sheet, as RecoverySheet returns it. Lines that begin with # are comments.
func ParseKey(text string) (Secret, error) {
	s, err := keys.ParseKey([]byte(text))
	return Secret{s}, err
}

// NewKey returns the text of a new key file, which is random. Keep a copy of it elsewhere:
// without a secret nobody can read the repository.
func NewKey() (string, error) { return seal.NewKeyFile(nil) }

// An UnlockCache keeps short values for a while. Nobody but the user can read them, and they
// are never written to a disk. It is safe for concurrent use. A lost value costs only time.
type UnlockCache interface {
	// Load returns the value under a name, or an error if there is none.
	Load(name string) ([]byte, error)
	// Store keeps a value under a name, in place of any other.
	Store(name string, value []byte) error
}

// WithUnlockCache returns the secret with a cache. The cache is for programs that often open a
// repository with a passphrase which this machine stores anyway, as in a file. Only the first
// opening takes the time and memory that a key slot demands.
//
// The cache keeps a copy of the slot, wrapped under the same passphrase at a lower cost: 7 MiB
// and about 13 ms instead of 64 MiB and about 80 ms. The copy opens nothing without the
// passphrase, and nothing once the slot itself is removed from the repository. But anyone who
// can read the cache can try passphrases at that lower cost. So a passphrase that is typed, or
// comes from a vault, should not be cached. Secrets other than passphrases are never cached.
func (s Secret) WithUnlockCache(c UnlockCache) Secret { return Secret{s.secret.WithCache(c)} }

// A Key is a slot that opens the repository with one secret.
type Key struct {
	ID       string    `json:"id"`      // of the slot
	Current  bool      `json:"current"` // it is the one this Repo was opened with
	Kind     KeyKind   `json:"kind"`
	Created  time.Time `json:"created"`
	Hostname string    `json:"hostName"`
	Username string    `json:"userName"`
	Label    string    `json:"label"`
	Outdated bool      `json:"outdated"` // it was made before the last rotation (see Keys.Rotate)
}

// A KeyKind is the kind of secret that a slot opens with.
type KeyKind string

// The kinds of secrets.
const (
	ByPassphrase KeyKind = "passphrase"
	ByKeyFile    KeyKind = "key file"
)

// Keys are the key slots of a repository: each opens it with a secret of its own.
type Keys struct {
	keys *keys.Keys
	ring *seal.Keyring
}

// Keys returns the repository's key slots.
func (r *Repo) Keys() *Keys { return &Keys{r.e.Keys, r.e.Ring} }

// List returns the key slots. If one can't be read, there is only an error.
func (k *Keys) List(ctx context.Context) ([]Key, error) {
	all, err := k.keys.List(ctx)
	return slotsOf(all), err
}

// Find returns the key slot whose id begins with a prefix, as a person types it. If there is
// none, the error matches fs.ErrNotExist; several are another error.
func (k *Keys) Find(ctx context.Context, prefix string) (Key, error) {
	found, err := k.keys.Find(ctx, prefix)
	return slotOf(found), err
}

// Add adds a slot that opens with the secret, which may not be a recovery sheet. The label
// describes the slot for people.
func (k *Keys) Add(ctx context.Context, secret Secret, label string) (Key, error) {
	added, err := k.keys.Add(ctx, secret.secret, label)
	return slotOf(added), err
}

// Remove removes the slot with this id. The last one can't be removed, nor the one this
// Repo was opened with. One that is not there is fs.ErrNotExist.
func (k *Keys) Remove(ctx context.Context, id string) error { return k.keys.Remove(ctx, id) }

// Replace adds a slot for the secret, and then removes the one this Repo was opened with.
func (k *Keys) Replace(ctx context.Context, secret Secret) error {
	return k.keys.Replace(ctx, secret.secret)
}

// Rotate makes a new key. Whoever opens the repository from now on seals with it, and it
// is independent of the keys before. The secret wraps it, and has to be a passphrase or a
// key file. The new slot replaces the one that this Repo was opened with and all others
// that open with the same secret. Rotate returns the slots that are left, which open only
// what was sealed until now: remove them, or replace them by Add. Print recovery sheets
// again, too. This Repo itself, and others that are open, keep their key: to change
// anything from now on, open the repository again.
//
// Prune seals packs and index deltas again that are sealed with older keys, as far as its
// options let it. Rotation takes back nothing that the owner of an older key has copied,
// nor does it hide the manifests that were there from an older key: they keep it until
// they are forgotten. The keys that ids are made with stay the same.
//
// Opened with an older key, the repository shows what is sealed with it; everything else,
// and every change, is ErrNewerKey. An interrupted rotation leaves a repository that the
// secret opens as before; the next rotation completes it.
func (k *Keys) Rotate(ctx context.Context, secret Secret) (left []Key, err error) {
	all, err := k.keys.Rotate(ctx, secret.secret)
	return slotsOf(all), err
}

// RecoverySheet returns the lines that open the repository without any key slot, to be
// printed and kept away from it. Anyone who has them can read everything.
func (k *Keys) RecoverySheet() (string, error) { return seal.RecoverySheet(k.ring) }

func slotOf(k keys.Key) Key {
	return Key{k.ID, k.Current, KeyKind(k.Kind), k.Created, k.Hostname, k.Username, k.Label, k.Outdated}
}

func slotsOf(all []keys.Key) (out []Key) {
	for _, k := range all {
		out = append(out, slotOf(k))
	}
	return out
}
