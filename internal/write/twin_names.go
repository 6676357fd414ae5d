package write

import (
	"context"
	"errors"
	"io/fs"

	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
)

// claimName reports whether a name of a twin was free, and takes it.
func claimName(ctx context.Context, e *engine.Engine, id [32]byte) (bool, error) {
	err := e.Store.Create(ctx, object.Claims.Name(id), nil)
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
		if err := p.seal(); err != nil || p.s.e.Config.Twin == "" {
			return err
		}
		free, err := claimName(ctx, p.s.e, p.m.ID)
		if err != nil || free || !given {
			return err
		}
		p.sealed = nil
	}
}
