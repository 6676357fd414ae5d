package repo

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

func makeTwin(ctx context.Context, e *engine.Engine, t target.Target) error {
	if err := e.Keys.Current(ctx); err != nil {
		return err
	}
	body, err := config.ReadSound(ctx, e.Store, e.Ring)
	if err != nil {
		return err
	}
	other := object.On(t, object.Options{})
	there, err := config.Read(ctx, other, true)
	if errors.Is(err, ErrNoRepository) {
		if _, absent := other.Stat(ctx, object.ConfigName); errors.Is(absent, fs.ErrNotExist) {
			if err = config.Vacant(ctx, other, config.Below(object.TwinName, string(object.Keys), string(object.Epochs))); err == nil {
				err = config.PutSibling(ctx, other, object.TwinName, e.Rand)
			}
		}
	} else if err == nil && !config.Has(there, body) {
		err = fmt.Errorf("another repository is here already: %w", fs.ErrExist)
	}
	if err != nil {
		return err
	}
	if err := e.Keys.CopyTo(ctx, other); err != nil {
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
	return other.KeepReserve(ctx, e.Sealer, e.Rand)
}
