package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/keys"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/target"
)

var errNoTarget = errors.New("no target was given")

// Open opens the repository on a target. It asks for the secret after it has found the
// repository. If the repository is a replica, every change fails with config.ErrReplica.
func Open(ctx context.Context, t target.Target, unlock func(context.Context) (keys.Secret, error), h Host) (*Engine, error) {
	if t == nil {
		return nil, errNoTarget
	}
	h.setDefaults()
	h.spareCache(t)
	t = object.Paced(t, h.Pace)
	objects := object.On(t, object.Options{})
	sealed, err := config.Read(ctx, objects, false)
	if err != nil {
		return nil, config.ExplainMissing(ctx, objects, err)
	}
	secret, err := ask(ctx, unlock)
	if err != nil {
		return nil, err
	}
	ring, slot, err := keys.Unlock(ctx, objects, secret)
	if err != nil {
		return nil, err
	}
	c, err := openConfig(ctx, objects, ring, sealed)
	if err != nil {
		return nil, err
	}
	if c.Replica != "" {
		t = object.ReadOnly(t, config.ErrReplica)
	}
	return onTarget(t, h, c, ring, slot)
}

func ask(ctx context.Context, unlock func(context.Context) (keys.Secret, error)) (keys.Secret, error) {
	secret, err := unlock(ctx)
	if err != nil {
		return secret, fmt.Errorf("get the secret of the repository: %w", err)
	}
	return secret, nil
}

// openConfig opens the config, or its copy if the config is damaged.
func openConfig(ctx context.Context, objects *object.Store, ring *seal.Keyring, sealed map[string][]byte) (*config.Config, error) {
	c, err := config.OpenOne(ring, sealed[object.ConfigName])
	if err != nil {
		if sealed, err = config.Read(ctx, objects, true); err == nil {
			c, err = config.Open(ring, sealed)
		}
	}
	if err != nil {
		return nil, err
	}
	if c.Twin, err = config.ReadSibling(ctx, objects, object.TwinName); err != nil {
		return nil, err
	}
	c.Replica, err = config.ReadSibling(ctx, objects, object.ReplicaName)
	return c, err
}

// onTarget returns the repository on a target. It was opened with the ring of a key slot.
func onTarget(t target.Target, h Host, c *config.Config, ring *seal.Keyring, slot string) (*Engine, error) {
	dir := h.localDir(c)
	store := object.On(t, object.Options{Dir: dir, CacheSize: *h.CacheSize, Replicas: h.Replicas, Warn: h.Warn})
	k := keys.New(store, ring, slot, keys.Options{Now: h.Now, Rand: h.Rand, Hostname: h.Hostname, User: h.User})
	return assemble(store, k, dir, h, c, ring)
}
