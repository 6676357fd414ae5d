package repo

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
)

// A Secret opens a repository.
type Secret struct {
	secret seal.Secret
	memory Memory // nil for none
}

// Passphrase returns the secret that a person types.
func Passphrase(p string) Secret { return Secret{secret: seal.Passphrase([]byte(p))} }

// ParseKey reads the text of a key file, as NewKey returns it, or of a recovery
// sheet, as RecoverySheet does. Lines that begin with # are passed over.
func ParseKey(text []byte) (Secret, error) {
	s, err := seal.ParseSecret(text)
	return Secret{secret: s}, err
}

// NewKey returns the text of a new key file.
func NewKey() (string, error) { return seal.NewKeyFile(nil) }

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

// unlock finds the slot that opens with the secret, and of several the newest.
func unlock(ctx context.Context, store *object.Store, secret Secret) (ring *seal.Keyring, id string, err error) {
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
		return nil, "", &DamageError{Object: string(object.Keys), Err: errors.New("there are no key slots: open the repository with its recovery sheet")}
	case damaged != nil:
		return nil, "", fmt.Errorf("%w, or its key slot is damaged: %w", ErrWrongSecret, damaged)
	}
	return nil, "", ErrWrongSecret
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

// readSlots returns the slots that can be read, those with the most epochs first,
// and why another can't.
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
			damaged = err
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
		return nil, &DamageError{Object: name, Err: object.ErrHash}
	}
	slot, err := seal.ParseSlot(b)
	if err != nil {
		return nil, &DamageError{Object: name, Err: err}
	}
	return slot, nil
}

// addSlot stores a new slot of the ring in use and returns its id.
func (r *Repo) addSlot(ctx context.Context, secret Secret, label string) (string, error) {
	if err := r.upToDate(ctx); err != nil {
		return "", err
	}
	return r.putSlot(ctx, r.ring, secret, label)
}

// putSlot stores a new slot and returns its id.
func (r *Repo) putSlot(ctx context.Context, ring *seal.Keyring, secret Secret, label string) (string, error) {
	slot := &seal.Slot{Created: r.opts.Now().UTC().Truncate(time.Second), Label: label}
	slot.Hostname, slot.Username = r.whoAmI()
	if err := slot.Wrap(ring, secret.secret, seal.StrongKDF, r.opts.Rand); err != nil {
		return "", err
	}
	b, err := slot.Marshal()
	if err != nil {
		return "", err
	}
	name := object.Keys.HashName(b)
	err = r.store.Put(ctx, name, b)
	id := object.Keys.Rest(name)
	if err == nil {
		secret.remember(id, ring)
	}
	return id, err
}

// whoAmI returns the names of this host and user, as far as they are known.
func (r *Repo) whoAmI() (host, name string) {
	if host = r.opts.Hostname; host == "" {
		host, _ = os.Hostname()
	}
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return host, name
}

// Keys returns the repository's key slots.
func (r *Repo) Keys(ctx context.Context) ([]Key, error) {
	newest, err := r.newestEpoch(ctx)
	if err != nil {
		return nil, err
	}
	var out []Key
	for info, err := range r.store.List(ctx, object.Keys) {
		if err != nil {
			return nil, err
		}
		slot, err := readSlot(ctx, r.store, info.Name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, r.keyOf(keySlot{slot, object.Keys.Rest(info.Name)}, newest))
	}
	return out, nil
}

// keyOf describes a slot, given the newest epoch.
func (r *Repo) keyOf(s keySlot, newest uint32) Key {
	kind := "key file"
	if s.TakesPassphrase() {
		kind = "passphrase"
	}
	return Key{s.id, s.id == r.slot, kind, s.Created, s.Hostname, s.Username, s.Label, s.Epochs() < newest}
}

// AddKey adds a slot that opens with the secret, which may not be a recovery sheet.
func (r *Repo) AddKey(ctx context.Context, secret Secret, label string) (Key, error) {
	id, err := r.addSlot(ctx, secret, label)
	if err != nil {
		return Key{}, err
	}
	keys, err := r.Keys(ctx)
	for _, k := range keys {
		if k.ID == id {
			return k, err
		}
	}
	return Key{ID: id}, err
}

// RemoveKey removes the slot whose id begins so. The last one can't be removed,
// nor the one this Repo was opened with.
func (r *Repo) RemoveKey(ctx context.Context, prefix string) error {
	if err := r.upToDate(ctx); err != nil {
		return err // what it takes for a key that opens all need not be one
	}
	keys, err := r.Keys(ctx)
	if err != nil {
		return err
	}
	var found []Key
	for _, k := range keys {
		if strings.HasPrefix(k.ID, prefix) && prefix != "" {
			found = append(found, k)
		}
	}
	switch {
	case len(found) == 0:
		return fmt.Errorf("no key with an id that begins with %q: %w", prefix, fs.ErrNotExist)
	case len(found) > 1:
		return fmt.Errorf("%d keys have an id that begins with %q: give more digits", len(found), prefix)
	case len(keys) == 1:
		return errors.New("this is the only key: add another before it is removed")
	case found[0].Current:
		return errors.New("the repository is open with this key: open it with another to remove it")
	case !found[0].Outdated && !slices.ContainsFunc(keys, func(k Key) bool { return !k.Outdated && k.ID != found[0].ID }):
		return errors.New("this is the only key that was made after the rotation: add another before it is removed")
	}
	return r.store.Delete(ctx, object.Keys.Under(found[0].ID))
}

// ReplaceKey adds a slot for the secret and removes the one this Repo was opened
// with, in this order.
func (r *Repo) ReplaceKey(ctx context.Context, secret Secret) error {
	old := r.slot
	label := ""
	keys, err := r.Keys(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.ID == old {
			label = k.Label
		}
	}
	id, err := r.addSlot(ctx, secret, label)
	if err != nil {
		return err
	}
	r.slot = id
	if old == "" {
		return nil
	}
	if err := r.store.Delete(ctx, object.Keys.Under(old)); err != nil {
		return fmt.Errorf("the new key is stored, but the old one stays: %w", err)
	}
	return nil
}

// RecoverySheet returns the lines that open the repository with no key slot at
// all, to be printed and kept away from it. Whoever has them can read everything.
func (r *Repo) RecoverySheet() (string, error) { return seal.RecoverySheet(r.ring) }
