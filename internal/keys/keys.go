// Package keys opens a repository's key ring with a secret. It stores the key slots, and the
// objects that make the epochs of the key ring count.
//
// What must stay true: an epoch counts once an object names it. Create-only Put decides
// between two runs that rotate the key at the same time. Nothing is sealed under an epoch
// before it counts.
//
// # Rotation
//
// All slots wrap the same key ring, which has a key for each epoch (package internal/seal).
// A rotation stores a slot whose ring has one more epoch. Then it creates the object below
// epochs by which the epoch counts. Then it removes the slots that the new one replaces. The
// object's name is the number of the epoch, in 8 digits. The object holds the 32 bytes that
// distinguish the new key from any other, and the first 16 bytes of their BLAKE3 hash.
// Create-only Put decides between two rotations. A key that lost, or whose epoch isn't
// decided yet, seals nothing. An object that was sealed before the rotation stays as it is
// until prune repacks or replaces it. Manifests and marks stay so as long as they exist.
package keys

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
)

// Keys are the key ring of an open repository and its key slots. They are safe for concurrent
// use, except that Replace and Rotate change the current slot.
type Keys struct {
	store  *object.Store
	ring   *seal.Keyring
	slot   string // the current one, which the repository was opened with; or empty
	now    func() time.Time
	random io.Reader
	host   string
	user   string
}

// Options of keys.
type Options struct {
	Now            func() time.Time
	Rand           io.Reader
	Hostname, User string // recorded in a new slot
}

// New returns the keys of a repository that was opened with the ring of a slot. slot is empty
// if the repository was opened with a recovery sheet.
func New(store *object.Store, ring *seal.Keyring, slot string, o Options) *Keys {
	return &Keys{store: store, ring: ring, slot: slot, now: o.Now, random: o.Rand, host: o.Hostname, user: o.User}
}

// On returns the same keys on another store.
func (k *Keys) On(store *object.Store) *Keys {
	other := *k
	other.store = store
	return &other
}

// A Key describes a key slot, which opens the repository with one secret.
type Key struct {
	ID       string // of the slot
	Current  bool   // the repository was opened with it
	Kind     string // "passphrase" or "key file"
	Created  time.Time
	Hostname string
	Username string
	Label    string
	Outdated bool // the slot was made before the last rotation (see Rotate)
}

// Begin stores the first slot of a new repository and returns its id. The slot becomes the
// current one.
func (k *Keys) Begin(ctx context.Context, secret Secret, label string) (string, error) {
	id, err := k.put(ctx, k.ring, secret, label)
	if err == nil {
		k.slot = id
	}
	return id, err
}

// List returns the repository's key slots.
func (k *Keys) List(ctx context.Context) ([]Key, error) {
	newest, err := k.newestEpoch(ctx)
	if err != nil {
		return nil, err
	}
	var out []Key
	for info, err := range k.store.List(ctx, object.Keys) {
		if err != nil {
			return nil, err
		}
		slot, err := readSlot(ctx, k.store, info.Name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, k.keyOf(keySlot{slot, object.Keys.Rest(info.Name)}, newest))
	}
	return out, nil
}

// keyOf describes a slot. newest is the newest epoch that counts.
func (k *Keys) keyOf(s keySlot, newest uint32) Key {
	kind := "key file"
	if s.TakesPassphrase() {
		kind = "passphrase"
	}
	return Key{s.id, s.id == k.slot, kind, s.Created, s.Hostname, s.Username, s.Label, s.Epochs() < newest}
}

// Add adds a slot that opens with the secret. The secret may not be a recovery sheet.
func (k *Keys) Add(ctx context.Context, secret Secret, label string) (Key, error) {
	id, err := k.addSlot(ctx, secret, label)
	if err != nil {
		return Key{}, err
	}
	// Other slots may be damaged, which is a reason to add one.
	slot, err := readSlot(ctx, k.store, object.Keys.Under(id))
	if err != nil {
		return Key{ID: id}, err
	}
	newest, err := k.newestEpoch(ctx)
	return k.keyOf(keySlot{slot, id}, newest), err
}

// Find returns the slot whose id begins with prefix. If several do, it is an error.
func (k *Keys) Find(ctx context.Context, prefix string) (Key, error) {
	keys, err := k.List(ctx)
	if err != nil {
		return Key{}, err
	}
	var found []Key
	for _, key := range keys {
		if strings.HasPrefix(key.ID, prefix) && prefix != "" {
			found = append(found, key)
		}
	}
	switch len(found) {
	case 0:
		return Key{}, fmt.Errorf("no key with an id that begins with %q: %w", prefix, fs.ErrNotExist)
	case 1:
		return found[0], nil
	}
	return Key{}, fmt.Errorf("%d keys have an id that begins with %q: give more digits", len(found), prefix)
}

// Remove removes the slot with this id. It doesn't remove the current slot, nor the last one
// that isn't outdated.
func (k *Keys) Remove(ctx context.Context, id string) error {
	if err := k.Current(ctx); err != nil {
		return err // after a rotation, the slots that stay might not open the newest epoch
	}
	keys, err := k.List(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(keys, func(key Key) bool { return key.ID == id })
	switch {
	case i < 0:
		return fmt.Errorf("no key has the id %q: %w", id, fs.ErrNotExist)
	case len(keys) == 1:
		return fmt.Errorf("remove key %s: it is the only key: add another first", id)
	case keys[i].Current:
		return fmt.Errorf("remove key %s: the repository was opened with it: open the repository with another key first", id)
	case !keys[i].Outdated && !slices.ContainsFunc(keys, func(key Key) bool { return !key.Outdated && key.ID != id }):
		return fmt.Errorf("remove key %s: it is the only key that was made after the rotation: add another first", id)
	}
	return k.store.Delete(ctx, object.Keys.Under(id))
}

// Replace adds a slot for the secret, and then removes the current one. The new slot becomes
// the current one.
func (k *Keys) Replace(ctx context.Context, secret Secret) error {
	old := k.slot
	label := ""
	slots, err := k.soundSlots(ctx)
	if err != nil {
		return err
	}
	for _, s := range slots {
		if s.id == old {
			label = s.Label
		}
	}
	id, err := k.addSlot(ctx, secret, label)
	if err != nil {
		return err
	}
	k.slot = id
	if old == "" {
		return nil
	}
	if err := k.store.Delete(ctx, object.Keys.Under(old)); err != nil {
		return fmt.Errorf("the new key is stored, but the old key %s can't be removed: %w", old, err)
	}
	return nil
}
