package take

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/prune"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/pack"
)

// maxDamagedNamed bounds the damaged packs that notices name.
const maxDamagedNamed = 5

// noteDamaged reports the damaged packs that a full snapshot has found, and returns them.
func (r *run) noteDamaged() (ids []pack.ID) {
	damaged := r.session.Damaged()
	ids = slices.SortedFunc(maps.Keys(damaged), object.Compare)
	for i, id := range ids {
		if i == maxDamagedNamed {
			r.report.notice("", fmt.Errorf("%d more packs are damaged", len(ids)-i))
			break
		}
		r.report.notice("", fmt.Errorf("%s is damaged; what this snapshot needs of it is stored again: %v", object.Packs.Name(id), causeOf(damaged[id])))
	}
	return ids
}

// discardDamaged deletes the damaged packs that a full snapshot has found, as far as other
// snapshots don't need them. The snapshot itself needs none of them: it has stored again what
// it needs. Until a damaged pack is deleted, readers try its copy of a blob, and then the
// good one. So an error here is no error of the snapshot, and is a notice.
func (r *run) discardDamaged(ctx context.Context) {
	ids := r.noteDamaged()
	if len(ids) == 0 {
		return
	}
	done, err := discard(ctx, r.e, ids, r.o.Workers)
	if err != nil {
		r.report.notice("", fmt.Errorf("damaged packs stay: %w", err))
	}
	var needed []error
	for _, id := range ids {
		why := done.Left[id]
		if errors.Is(why, prune.ErrNeeded) {
			needed = append(needed, fmt.Errorf("%s: %w", object.Packs.Name(id), why))
		} else if why != nil {
			r.report.notice("", fmt.Errorf("%s stays: %w", object.Packs.Name(id), why))
		}
	}
	if len(needed) > 0 {
		r.report.notice("", outcome.Damage("this snapshot is whole, but others are damaged", needed))
	}
}

// causeOf returns what is wrong with a pack, without the pack's name.
func causeOf(err error) error {
	if damage, ok := errors.AsType[*pack.DamageError](err); ok {
		return damage.Err
	}
	return err
}

// discard deletes damaged packs in a run of its own.
func discard(ctx context.Context, e *engine.Engine, damaged []pack.ID, workers int) (prune.Discarded, error) {
	fresh, err := engine.Fresh(e)
	if err != nil {
		return prune.Discarded{}, err
	}
	defer engine.Close(fresh)
	s, within, err := write.Begin(ctx, fresh, runs.Pruning, runs.Record{What: "heal"}, pack.Auto, workers)
	if err != nil {
		return prune.Discarded{}, err
	}
	defer s.Close()
	done, err := prune.Discard(within, fresh, s, damaged)
	if err = s.Cause(err); err != nil {
		return done, err
	}
	x, err := e.Blobs.Index(ctx)
	if err == nil {
		err = e.Blobs.Refresh(ctx, x, false) // so that it doesn't lead to what was deleted
	}
	return done, err
}
