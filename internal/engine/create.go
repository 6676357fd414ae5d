package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/keys"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/target"
)

// Create makes a repository on an empty target and opens it. label describes its first key
// slot. If Create returns an Engine and an error, the repository is made, and only an object
// that can be stored later is missing.
func Create(ctx context.Context, t target.Target, unlock func(context.Context) (keys.Secret, error), choice config.Choice, label string, h Host) (*Engine, error) {
	if t == nil {
		return nil, errNoTarget
	}
	h.setDefaults()
	h.spareCache(t)
	t = object.Paced(t, h.Pace)
	objects := object.On(t, object.Options{})
	c, err := newConfig(ctx, objects, choice, &h)
	if err != nil {
		return nil, err
	}
	secret, err := ask(ctx, unlock)
	if err != nil {
		return nil, err
	}
	ring, begun, err := keys.InterruptedInit(ctx, objects, secret)
	if ring == nil && err == nil {
		ring, err = seal.NewKeyring(h.Rand)
	}
	if err != nil {
		return nil, err
	}
	e, err := onTarget(t, h, c, ring, "")
	if err != nil {
		return nil, err
	}
	if made, err := storeFirstObjects(ctx, e, secret, label, begun); !made {
		return nil, object.Join(err, Close(e))
	} else if err != nil {
		return e, err
	}
	return e, e.Store.KeepReserve(ctx, e.Sealer, h.Rand)
}

// newConfig returns the config of a new repository. It fails if the target isn't vacant.
func newConfig(ctx context.Context, objects *object.Store, choice config.Choice, h *Host) (*config.Config, error) {
	if _, err := objects.Stat(ctx, object.ConfigName); err == nil {
		return nil, fmt.Errorf("a repository is here already: %w", fs.ErrExist)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var id [seal.KeySize]byte
	if _, err := io.ReadFull(h.Rand, id[:]); err != nil {
		return nil, err
	}
	c, err := config.New(choice, id, h.Now())
	if err != nil {
		return nil, err
	}
	return c, config.Vacant(ctx, objects, config.Below(string(object.Keys)))
}

// storeFirstObjects stores a key slot, the config and the config's copy, and reports whether the target is
// a repository then. The config makes it one, so a crash before does no harm. Create-only Put
// decides between two processes that make a repository at the same time. begun is the slot of
// an interrupted Create, or empty.
func storeFirstObjects(ctx context.Context, e *Engine, secret keys.Secret, label, begun string) (made bool, err error) {
	body, err := e.Config.Marshal()
	if err != nil {
		return false, err
	}
	sealed, err := seal.NewSealer(e.Ring, [seal.KeySize]byte{}, e.Config.AEAD, e.Rand).Seal(seal.Config, body)
	if err != nil {
		return false, err
	}
	if _, err := e.Store.CreatesOnly(ctx); err != nil {
		return false, err
	}
	slot, err := e.Keys.Begin(ctx, secret, label)
	if err != nil {
		return false, err
	}
	if err := e.Store.Put(ctx, object.ConfigName, sealed); err != nil {
		return false, object.Join(err, e.Store.Delete(context.WithoutCancel(ctx), object.Keys.Under(slot)))
	}
	if begun != "" { // the process that stored it may still run and remove it, so this one has its own slot
		if err := e.Store.Remove(ctx, object.Keys.Under(begun)); err != nil {
			return true, err
		}
	}
	return true, e.Store.Put(ctx, object.ConfigCopyName, sealed)
}
