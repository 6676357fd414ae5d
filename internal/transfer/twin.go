package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/target"
)

// MakeTwin makes a twin of a repository on an empty target, or completes one that is there
// and adds the key slots that were made since.
func MakeTwin(ctx context.Context, e *engine.Engine, t target.Target) error {
	if err := e.Keys.Current(ctx); err != nil {
		return err
	}
	sealed, err := config.ReadSound(ctx, e.Store, e.Ring)
	if err != nil {
		return err
	}
	twin := object.On(t, object.Options{})
	configs, err := config.Read(ctx, twin, true)
	switch {
	case errors.Is(err, config.ErrNoRepository):
		err = beginTwin(ctx, e, twin, err)
	case err == nil && !config.Has(configs, sealed):
		err = fmt.Errorf("another repository is here already: %w", fs.ErrExist)
	}
	if err != nil {
		return err
	}
	if err := e.Keys.CopyTo(ctx, twin); err != nil {
		return err
	}
	// Without a config nothing is a repository: it comes last, as in Init.
	for _, name := range []string{object.ConfigName, object.ConfigCopyName} {
		if configs[name] != nil {
			continue
		}
		if err := twin.Put(ctx, name, sealed); err != nil {
			return err
		}
	}
	return twin.KeepReserve(ctx, e.Sealer, e.Rand)
}

// beginTwin stores the object that makes a repository a twin on a target that holds nothing
// else, except what an interrupted MakeTwin has stored. If the target has a config that can't
// be read, it returns that error.
func beginTwin(ctx context.Context, e *engine.Engine, twin *object.Store, unread error) error {
	if _, err := twin.Stat(ctx, object.ConfigName); !errors.Is(err, fs.ErrNotExist) {
		return unread
	}
	if err := config.Vacant(ctx, twin, config.Below(object.TwinName, string(object.Keys), string(object.Epochs))); err != nil {
		return err
	}
	return config.PutSibling(ctx, twin, object.TwinName, e.Rand)
}
