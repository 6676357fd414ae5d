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

// Create makes a repository on an empty target and opens it. The label describes its first
// key slot. If an Engine is returned with an error, the repository is made, but something
// that can be made up for is missing.
func Create(ctx context.Context, t target.Target, unlock func(context.Context) (keys.Secret, error), choice config.Choice, label string, h Host) (*Engine, error) {
	h.fill()
	there := object.On(t, object.Options{})
	c, err := newConfig(ctx, there, choice, &h)
	if err != nil {
		return nil, err
	}
	secret, err := ask(ctx, unlock)
	if err != nil {
		return nil, err
	}
	ring, begun, err := keys.InterruptedInit(ctx, there, secret)
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
	if made, err := store(ctx, e, secret, label, begun); !made {
		return nil, object.Join(err, Close(e))
	} else if err != nil {
		return e, err
	}
	return e, e.Store.KeepReserve(ctx, e.Sealer, h.Rand)
}

// newConfig returns the config of a new repository, if the target has room for one.
func newConfig(ctx context.Context, there *object.Store, choice config.Choice, h *Host) (*config.Config, error) {
	if _, err := there.Stat(ctx, object.ConfigName); err == nil {
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
	return c, config.Vacant(ctx, there, config.Below(string(object.Keys)))
}

// store stores what makes a target a repository, and reports whether it is one. The config
// comes last: without it nothing is a repository, so what a crash leaves before is no harm.
// Create-only Put decides between two that race. begun is the slot of an interrupted
// Create, or empty.
func store(ctx context.Context, e *Engine, secret keys.Secret, label, begun string) (made bool, err error) {
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
	if begun != "" { // the process that put it may still be there, and remove it: this one has its own
		if err := e.Store.Remove(ctx, object.Keys.Under(begun)); err != nil {
			return true, err
		}
	}
	return true, e.Store.Put(ctx, object.ConfigCopyName, sealed)
}
