package sim

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/target"
)

// replacesDeltas replaces each index delta by an equal one, several times, as prunes do that
// merge deltas.
func replacesDeltas(times int) role {
	return func(ctx context.Context, a *actor) error {
		s := a.world.program.stage
		box := seal.NewSealer(s.ring, s.id, seal.Preferred(), seeded(fmt.Sprint(a.name, " ", a.life)))
		for range times {
			for info, err := range a.handle.List(ctx, "index/") {
				if err == nil {
					err = a.replaceDelta(ctx, box, info.Name)
				}
				if err != nil && !isAbsent(err) {
					return err
				}
			}
		}
		return nil
	}
}

func (a *actor) replaceDelta(ctx context.Context, box *seal.Sealer, name string) error {
	object, err := target.ReadAll(ctx, a.handle, name, 1<<20)
	if err != nil {
		return err
	}
	body, err := box.Open(seal.IndexDelta, object)
	if err != nil {
		return err
	}
	if object, err = box.Seal(seal.IndexDelta, body); err != nil {
		return err
	}
	hash := blake3.Sum256(object)
	if err := a.handle.Put(ctx, "index/"+hex.EncodeToString(hash[:]), bytes.NewReader(object), int64(len(object))); err != nil {
		return err
	}
	return a.handle.Delete(ctx, name)
}
