package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/qsnap/qsnap/internal/config"
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
		if err := p.seal(); err != nil || p.s.r.config.Twin == "" {
			return err
		}
		free, err := p.s.r.claimName(ctx, p.m.ID)
		if err != nil || free || !given {
			return err
		}
		p.sealed = nil
	}
}

// Twin makes a twin of the repository on an empty target: one with the same id and
// keys, to which Copy moves packs and snapshots just as they are. It has no
// snapshots yet, and all secrets that open this repository open it, too. On a target
// that has the twin already it completes what was interrupted, and adds the key
// slots that were made since, so that the twin follows a rotation. A target that
// holds another repository is fs.ErrExist.
func (r *Repo) Twin(ctx context.Context, t target.Target) error {
	if err := r.keys.Current(ctx); err != nil {
		return err
	}
	body, err := config.Sound(ctx, r.store, r.ring)
	if err != nil {
		return err
	}
	other := object.On(t, object.Options{})
	there, err := config.Read(ctx, other, true)
	if errors.Is(err, ErrNoRepository) {
		if _, e := other.Stat(ctx, object.ConfigName); errors.Is(e, fs.ErrNotExist) {
			if err = config.Vacant(ctx, other, config.Below(object.TwinName, string(object.Keys), string(object.Epochs))); err == nil {
				err = config.PutSibling(ctx, other, object.TwinName, r.opts.Rand)
			}
		}
	} else if err == nil && !config.Has(there, body) {
		err = fmt.Errorf("another repository is here already: %w", fs.ErrExist)
	}
	if err != nil {
		return err
	}
	if err := r.keys.Give(ctx, other); err != nil {
		return err
	}
	// Without a config nothing is a repository: it comes last, as in Init.
	for _, name := range []string{object.ConfigName, object.ConfigCopyName} {
		if there[name] != nil {
			continue
		}
		if err := other.Put(ctx, name, body); err != nil {
			return err
		}
	}
	return other.KeepReserve(ctx, r.box, r.opts.Rand)
}
