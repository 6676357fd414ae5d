package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/target"
)

// checkHidden finds locked objects that somebody has deleted or replaced all the same. It
// comes first: a hidden object then has this finding, not that it is missing.
func (c *checker) checkHidden(ctx context.Context) error {
	u, ok := object.As[target.VersionRestorer](c.e.Store)
	if !ok {
		return nil
	}
	return u.Hidden(ctx, "", func(info target.Info) error {
		c.add(Hidden, info.Name, "somebody has deleted or replaced it, though it is locked; its bytes are still there")
		return nil
	})
}

// checkConfigs checks both copies of the config.
func (c *checker) checkConfigs(ctx context.Context) error {
	sealed, err := config.Read(ctx, c.e.Store, true)
	if err != nil {
		return err
	}
	for _, name := range []string{object.ConfigName, object.ConfigCopyName} {
		if sealed[name] == nil {
			if err := c.checkUnread(ctx, name); err != nil {
				return err
			}
		} else if _, err := config.OpenOne(c.e.Ring, sealed[name]); err != nil {
			c.add(BadConfig, name, err.Error())
		}
	}
	return c.checkSiblings(ctx)
}

// checkUnread finds out why a copy of the config could not be read.
func (c *checker) checkUnread(ctx context.Context, name string) error {
	_, err := c.e.Store.ReadAll(ctx, name, object.MaxConfig)
	damage, damaged := errors.AsType[*object.DamageError](err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.add(BadConfig, name, "it is missing")
	case damaged:
		c.add(BadConfig, name, damage.Err.Error())
	case err != nil:
		return err
	default:
		c.add(BadConfig, name, "it could not be read at first")
	}
	return nil
}

// checkSiblings checks the objects that make the repository a twin or a replica.
func (c *checker) checkSiblings(ctx context.Context) error {
	for _, name := range []string{object.TwinName, object.ReplicaName} {
		b, err := c.e.Store.ReadFront(ctx, name, config.SiblingSize+1)
		damage, damaged := errors.AsType[*object.DamageError](err)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case damaged:
			c.add(BadConfig, name, damage.Err.Error())
		case err != nil:
			return err
		case len(b) != config.SiblingSize:
			c.add(BadConfig, name, fmt.Sprintf("it doesn't have %d bytes", config.SiblingSize))
		}
	}
	return nil
}

// checkKeys checks the key slots, which only their secrets open, and that every epoch of
// the key ring counts.
func (c *checker) checkKeys(ctx context.Context) error {
	return c.e.Keys.Check(ctx, func(name, what string) { c.add(BadKey, name, what) })
}
