// Package keys opens a repository's key ring by a secret, and keeps its key slots and the
// epochs of its keys.
//
// What must stay true: an epoch counts once an object names it. Create-only Put decides
// between two runs that rotate the key at once; nothing is sealed under an epoch before it
// counts.
//
// # Rotation
//
// All slots wrap the same key ring, which has a key for each epoch (package internal/seal).
// A rotation stores a slot with a ring of one more epoch, then the object below epochs by
// which that counts, and then removes the slots that it replaces. The object's name is the
// number of the epoch, in 8 digits; it holds the 32 bytes that tell the new key from any
// other, and the first 16 bytes of their BLAKE3 hash. Create-only Put decides between two
// rotations. A key that lost, or for which nothing is decided yet, seals nothing. An old
// object stays as it was sealed until prune moves or replaces it; manifests and marks stay
// so for as long as they are there.
package keys

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/target"
)

// Keys are the keys of an open repository: those it seals with, and its slots. They are safe
// for concurrent use, except that Replace and Rotate change which slot is the current one.
type Keys struct {
	store  *object.Store
	ring   *seal.Keyring
	slot   string // the one that was opened, or empty
	now    func() time.Time
	random io.Reader
	host   string
	user   string
}

// Options of keys.
type Options struct {
	Now            func() time.Time
	Rand           io.Reader
	Hostname, User string // what a new slot says of where it was made
}

// New returns the keys of a repository that was opened with a ring from a slot. The slot is
// empty if it was opened with a recovery sheet.
func New(store *object.Store, ring *seal.Keyring, slot string, o Options) *Keys {
	return &Keys{store: store, ring: ring, slot: slot, now: o.Now, random: o.Rand, host: o.Hostname, user: o.User}
}

// On returns the same keys as another store holds them.
func (k *Keys) On(store *object.Store) *Keys {
	other := *k
	other.store = store
	return &other
}

// A Key is a slot that opens the repository with one secret.
type Key struct {
	ID       string // of the slot
	Current  bool   // the repository was opened with it
	Kind     string // "passphrase" or "key file"
	Created  time.Time
	Hostname string
	Username string
	Label    string
	Outdated bool // it was made before the last rotation (see Rotate)
}

// Unlock finds the slot that opens with the secret, and of several the newest.
func Unlock(ctx context.Context, store *object.Store, secret Secret) (ring *seal.Keyring, id string, err error) {
	if ring, ok := secret.secret.Recovered(); ok {
		ring, _, err := confirm(ctx, store, ring)
		return ring, "", err
	}
	if secret.secret.IsZero() {
		return nil, "", errors.New("no passphrase and no key was given")
	}
	tried := map[string]bool{}
	var damaged error
	for try := range relists {
		slots, bad, err := readSlots(ctx, store)
		if err != nil {
			return nil, "", err
		}
		damaged = bad
		slots = slices.DeleteFunc(slots, func(s keySlot) bool { return tried[s.id] })
		if len(slots) == 0 && try > 0 {
			break
		}
		for _, s := range slots {
			tried[s.id] = true
			found, err := s.unwrap(secret)
			if err != nil {
				if !errors.Is(err, seal.ErrWrongSecret) {
					damaged = err
				}
				continue
			}
			found, whole, err := confirm(ctx, store, found)
			if err != nil || whole {
				return found, s.id, err
			}
			// A rotation didn't come to its end. The slot from before it will do as well.
			if ring == nil || found.Epoch() > ring.Epoch() {
				ring, id = found, s.id
			}
		}
		if ring != nil {
			return ring, id, nil
		}
		// A slot that takes another's place while they are listed may have been missed.
	}
	switch {
	case len(tried) == 0 && damaged == nil:
		return nil, "", &object.DamageError{Object: string(object.Keys), Err: errors.New("there are no key slots: open the repository with its recovery sheet")}
	case isFailure(damaged):
		return nil, "", damaged // the secret may be that of the slot which wasn't read
	case damaged != nil:
		return nil, "", fmt.Errorf("%w, or its key slot is damaged: %w", seal.ErrWrongSecret, damaged)
	}
	return nil, "", seal.ErrWrongSecret
}

// A keySlot is a slot and its id.
type keySlot struct {
	*seal.Slot
	id string
}

func (s keySlot) unwrap(secret Secret) (*seal.Keyring, error) {
	if !s.Accepts(secret.secret) {
		return nil, seal.ErrWrongSecret
	}
	if ring := secret.recall(s); ring != nil {
		return ring, nil
	}
	ring, err := s.Unwrap(secret.secret)
	if s.TakesPassphrase() {
		debug.FreeOSMemory() // it took 64 MiB, and the collector would let the heap grow to twice that
	}
	if err == nil {
		secret.remember(s.id, ring)
	}
	return ring, err
}

// relists bounds how often the slots are listed again.
const relists = 10

// isFailure reports whether an error of reading is the target's, and says nothing about the
// object.
func isFailure(err error) bool {
	return err != nil && (target.Temporary(err) || errors.Is(err, target.ErrGivenUp))
}

// readSlots returns the slots that can be read, those with the most epochs first,
// and why another can't: that the target fails rather than that a slot is damaged.
func readSlots(ctx context.Context, store *object.Store) (slots []keySlot, damaged, err error) {
	for info, err := range store.List(ctx, object.Keys) {
		if err != nil {
			return nil, nil, err
		}
		slot, err := readSlot(ctx, store, info.Name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			if damaged == nil || isFailure(err) {
				damaged = err
			}
			continue
		}
		slots = append(slots, keySlot{slot, object.Keys.Rest(info.Name)})
	}
	slices.SortStableFunc(slots, func(a, b keySlot) int { return cmp.Compare(b.Epochs(), a.Epochs()) })
	return slots, damaged, nil
}

func readSlot(ctx context.Context, store *object.Store, name string) (*seal.Slot, error) {
	b, err := store.ReadAll(ctx, name, object.MaxSlot)
	if err != nil {
		return nil, err
	}
	if hash := blake3.Sum256(b); name != object.Keys.Under(hex.EncodeToString(hash[:])) {
		return nil, &object.DamageError{Object: name, Err: object.ErrHash}
	}
	slot, err := seal.ParseSlot(b)
	if err != nil {
		return nil, &object.DamageError{Object: name, Err: err}
	}
	return slot, nil
}

// addSlot stores a new slot of the ring in use and returns its id.
func (k *Keys) addSlot(ctx context.Context, secret Secret, label string) (string, error) {
	if err := k.Current(ctx); err != nil {
		return "", err
	}
	return k.put(ctx, k.ring, secret, label)
}

// Begin stores the first slot of a repository that is being made, and returns its id. It
// becomes the current one.
func (k *Keys) Begin(ctx context.Context, secret Secret, label string) (string, error) {
	id, err := k.put(ctx, k.ring, secret, label)
	if err == nil {
		k.slot = id
	}
	return id, err
}

// put stores a new slot and returns its id.
func (k *Keys) put(ctx context.Context, ring *seal.Keyring, secret Secret, label string) (string, error) {
	slot := &seal.Slot{Created: k.now().UTC().Truncate(time.Second), Label: label}
	slot.Hostname, slot.Username = k.host, k.user
	if err := slot.Wrap(ring, secret.secret, seal.StrongKDF, k.random); err != nil {
		return "", err
	}
	b, err := slot.Marshal()
	if err != nil {
		return "", err
	}
	name := object.Keys.HashName(b)
	err = k.store.Put(ctx, name, b)
	id := object.Keys.Rest(name)
	if err == nil {
		secret.remember(id, ring)
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

// keyOf describes a slot, given the newest epoch.
func (k *Keys) keyOf(s keySlot, newest uint32) Key {
	kind := "key file"
	if s.TakesPassphrase() {
		kind = "passphrase"
	}
	return Key{s.id, s.id == k.slot, kind, s.Created, s.Hostname, s.Username, s.Label, s.Epochs() < newest}
}

// Add adds a slot that opens with the secret, which may not be a recovery sheet.
func (k *Keys) Add(ctx context.Context, secret Secret, label string) (Key, error) {
	id, err := k.addSlot(ctx, secret, label)
	if err != nil {
		return Key{}, err
	}
	keys, err := k.List(ctx)
	for _, key := range keys {
		if key.ID == id {
			return key, err
		}
	}
	return Key{ID: id}, err
}

// Find returns the slot whose id begins so.
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

// Remove removes the slot with this id. The last one can't be removed, nor the one the
// repository was opened with.
func (k *Keys) Remove(ctx context.Context, id string) error {
	if err := k.Current(ctx); err != nil {
		return err // what it takes for a key that opens all need not be one
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
		return errors.New("this is the only key: add another before it is removed")
	case keys[i].Current:
		return errors.New("the repository is open with this key: open it with another to remove it")
	case !keys[i].Outdated && !slices.ContainsFunc(keys, func(key Key) bool { return !key.Outdated && key.ID != id }):
		return errors.New("this is the only key that was made after the rotation: add another before it is removed")
	}
	return k.store.Delete(ctx, object.Keys.Under(id))
}

// Replace adds a slot for the secret and removes the one the repository was opened
// with, in this order.
func (k *Keys) Replace(ctx context.Context, secret Secret) error {
	old := k.slot
	label := ""
	keys, err := k.List(ctx)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if key.ID == old {
			label = key.Label
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
		return fmt.Errorf("the new key is stored, but the old one stays: %w", err)
	}
	return nil
}
