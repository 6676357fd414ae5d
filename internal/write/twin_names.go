package write

import (
	"context"
	"errors"
	"io/fs"

	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
)

// claimName claims a name in a twin. It reports whether the name was never used before.
func claimName(ctx context.Context, e *engine.Engine, id [32]byte) (bool, error) {
	err := e.Store.Create(ctx, object.Claims.Name(id), nil)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	return err == nil, err
}

// name gives the manifest a name that no run has used. It seals the manifest, unless that is
// sealed already and its name was never used in this twin.
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
