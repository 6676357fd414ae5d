package repo

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/target"
)

// A twin is a repository with the id and the keys of another, on a target of its
// own: chunks, trees, packs and manifests have the same names in both. What tells
// that it was made as one is an object
//
//	twin                    some random bytes
//
// In a twin a pack or manifest may come from elsewhere, under a name that was used
// there before and was deleted. Somebody who was about to delete it then, and was
// thought dead since, would delete it now, and there is no way to tell him not to.
// So a name is used once in the life of a twin: who uses it, whether for something
// new or for something from elsewhere, first creates the empty object
//
//	names/<id, 64 digits>
//
// which stays for good. What has lost its name is packed or sealed anew. In a
// repository that isn't a twin from its beginning it can't be told which names have
// been used, so that nothing is taken over there as it is.

// claimName reports whether a name of a twin was free, and takes it.
func (r *Repo) claimName(ctx context.Context, id [32]byte) (bool, error) {
	err := r.store.Create(ctx, object.Claims.Name(id), nil)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	return err == nil, err
}

// name seals the manifest, unless it comes sealed, and makes its name this run's
// own.
func (p *publication) name(ctx context.Context) error {
	for {
		given := p.sealed != nil
		if err := p.seal(); err != nil || p.s.r.config.twin == "" {
			return err
		}
		free, err := p.s.r.claimName(ctx, p.m.ID)
		if err != nil || free || !given {
			return err
		}
		p.sealed = nil
	}
}

// readSibling returns what tells a repository from others with its id, as the twin or
// replica that it is, or nothing where there is no object of that name.
//
// That the object is there makes it a twin or replica. Its bytes only keep the caches of
// several apart, so where a disk can't read them all else goes on.
func readSibling(ctx context.Context, s *object.Store, name string) (string, error) {
	b, err := s.ReadFront(ctx, name, siblingSize)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if object.IsDamage(err) {
		return "-unread", nil
	}
	if err != nil {
		return "", err
	}
	sum := blake3.Sum256(b)
	return "-" + hex.EncodeToString(sum[:4]), nil
}

// putSibling stores what tells a repository from others, unless it is there.
func putSibling(ctx context.Context, s *object.Store, name string, random io.Reader) error {
	var body [siblingSize]byte
	if _, err := io.ReadFull(random, body[:]); err != nil {
		return err
	}
	err := s.Create(ctx, name, body[:])
	if errors.Is(err, fs.ErrExist) {
		return nil // of one that was interrupted
	}
	return err
}

const siblingSize = 16

// Twin makes a twin of the repository on an empty target: one with the same id and
// keys, to which Copy moves packs and snapshots just as they are. It has no
// snapshots yet, and all secrets that open this repository open it, too. On a target
// that has the twin already it completes what was interrupted, and adds the key
// slots that were made since, so that the twin follows a rotation. A target that
// holds another repository is fs.ErrExist.
func (r *Repo) Twin(ctx context.Context, t target.Target) error {
	if err := r.upToDate(ctx); err != nil {
		return err
	}
	config, err := r.soundConfig(ctx)
	if err != nil {
		return err
	}
	other := object.On(t, object.Options{})
	there, err := readConfigs(ctx, other, true)
	if errors.Is(err, ErrNoRepository) {
		if _, e := other.Stat(ctx, object.ConfigName); errors.Is(e, fs.ErrNotExist) {
			if err = isVacant(ctx, other, below(object.TwinName, string(object.Keys), string(object.Epochs))); err == nil {
				err = putSibling(ctx, other, object.TwinName, r.opts.Rand)
			}
		}
	} else if err == nil && !sameConfig(there, config) {
		err = fmt.Errorf("another repository is here already: %w", fs.ErrExist)
	}
	if err != nil {
		return err
	}
	if err := r.giveKeys(ctx, other); err != nil {
		return err
	}
	// Without a config nothing is a repository: it comes last, as in Init.
	for _, name := range []string{object.ConfigName, object.ConfigCopyName} {
		if there[name] != nil {
			continue
		}
		if err := other.Put(ctx, name, config); err != nil {
			return err
		}
	}
	return other.KeepReserve(ctx, r.box, r.opts.Rand)
}

// soundConfig returns the config as stored, from its copy where it is damaged.
func (r *Repo) soundConfig(ctx context.Context) ([]byte, error) {
	sealed, err := readConfigs(ctx, r.store, true)
	if err != nil {
		return nil, err
	}
	for _, b := range sealed {
		if _, err = openOneConfig(r.ring, b); err == nil {
			return b, nil
		}
	}
	return nil, &DamageError{Object: object.ConfigName, Err: err}
}

// sameConfig reports whether any copy of a config has those bytes.
func sameConfig(copies map[string][]byte, want []byte) bool {
	for _, b := range copies {
		if bytes.Equal(b, want) {
			return true
		}
	}
	return false
}

// giveKeys puts the slots of the ring in use, and what makes its epochs count, on
// another target.
func (r *Repo) giveKeys(ctx context.Context, to *object.Store) error {
	for epoch := uint32(2); epoch <= r.ring.Epoch(); epoch++ {
		owner, err := ownerOf(ctx, to, r.ring, epoch)
		if err != nil {
			return err
		}
		if owner == others {
			return fmt.Errorf("its key was rotated on its own, so that it is no twin any more: %w", fs.ErrExist)
		}
	}
	slots, damaged, err := readSlots(ctx, r.store)
	if err != nil {
		return err
	}
	given := 0
	for _, s := range slots {
		if s.Epochs() != r.ring.Epoch() {
			continue
		}
		b, err := r.store.ReadAll(ctx, object.Keys.Under(s.id), object.MaxSlot)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err == nil {
			err = to.Put(ctx, object.Keys.Under(s.id), b)
		}
		if err != nil {
			return err
		}
		given++
	}
	if given == 0 {
		return errors.Join(errors.New("there is no key slot that the twin could have"), damaged)
	}
	for epoch := uint32(2); epoch <= r.ring.Epoch(); epoch++ {
		err := to.Create(ctx, epochName(epoch), epochBody(r.ring, epoch))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}
