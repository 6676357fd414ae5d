package prune

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/pack"
)

// Discarded is what Discard did.
type Discarded struct {
	Packs []pack.ID         // that were deleted, or only taken out of the index if they were missing
	Left  map[pack.ID]error // packs that stay, and why
}

// ErrNeeded means that a damaged pack stays, because what can't be read in it is needed.
var ErrNeeded = errors.New("other snapshots need what can't be read in it")

// Discard deletes damaged packs that no snapshot needs, since other packs hold what snapshots
// need of them. It first moves the live blobs that only a damaged pack holds. A damaged pack
// with a live blob that can't be read stays: nothing is lost by Discard that was there before.
// So does a pack that turns out to be whole.
//
// The engine is one that engine.Fresh has made, and the session is a run of it that deletes.
// The packs are deleted in the order of steps in which Run deletes any, but Discard waits for
// no run: one that relies on a damaged pack is better off without it.
func Discard(ctx context.Context, e *engine.Engine, s *write.Session, damaged []pack.ID) (Discarded, error) {
	x := &discarding{pruner: newPruner(e, s, Options{}), done: Discarded{Left: map[pack.ID]error{}}}
	x.noWait, x.pruner.damaged = true, map[pack.ID]bool{}
	damaged = slices.SortedFunc(slices.Values(damaged), object.Compare)
	for _, id := range damaged {
		x.pruner.damaged[id] = true
	}
	for _, step := range []func(context.Context) error{x.collect, x.abandonPending, x.markAll, x.account} {
		if err := step(ctx); err != nil {
			return x.done, err
		}
	}
	unneeded, needed, err := x.divide(ctx, damaged)
	if err != nil {
		return x.done, err
	}
	moved, err := x.move(ctx, needed)
	if err != nil {
		return x.done, err
	}
	err = x.delete(ctx, append(unneeded, moved...))
	return x.done, object.Join(err, x.conclude(ctx, damaged))
}

// A discarding is one call of Discard.
type discarding struct {
	*pruner
	done Discarded
}

// divide returns the numbers of the packs that no snapshot needs, and of those with live blobs
// that only they hold. It leaves out packs that have to stay.
func (x *discarding) divide(ctx context.Context, damaged []pack.ID) (unneeded, needed []int, err error) {
	for _, id := range damaged {
		why, err := x.stays(ctx, id)
		if err != nil {
			return nil, nil, err
		}
		if why != nil {
			x.done.Left[id] = why
			continue
		}
		n := x.numberOf(id)
		if x.packs[n].used > 0 {
			needed = append(needed, n)
		} else {
			unneeded = append(unneeded, n)
		}
	}
	return unneeded, needed, nil
}

// stays returns why a pack has to stay, or nil.
func (x *discarding) stays(ctx context.Context, id pack.ID) (why, err error) {
	if n, known := x.numbers[id]; known && x.liveness.Protects(x.packs[n].info.Header.Run()) {
		return errors.New("the run that stored it is under way"), nil
	}
	if x.missing[id] {
		return fmt.Errorf("it is missing: %w", ErrNeeded), nil
	}
	whole, err := x.e.Store.MatchesName(ctx, object.Packs.Name(id), id)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return err, nil
	case err != nil && !object.IsDamage(err):
		return nil, err
	case whole:
		return errors.New("its bytes are those that its name was made from"), nil
	}
	return nil, nil
}

// move stores again the live blobs that only damaged packs hold, and returns the numbers of
// the packs that nothing needs then.
func (x *discarding) move(ctx context.Context, numbers []int) (done []int, err error) {
	var blobs []relocation
	for _, n := range numbers {
		info, err := x.describe(ctx, x.packs[n].info)
		if err != nil {
			return nil, err
		}
		if info == nil {
			x.packs[n].failed = true
			continue
		}
		blobs = x.addLive(blobs, n, info)
	}
	if err := x.relocateAll(ctx, blobs); err != nil {
		return nil, err
	}
	for _, n := range numbers {
		if x.packs[n].failed {
			x.done.Left[x.packs[n].info.ID] = ErrNeeded
		} else {
			done = append(done, n)
		}
	}
	return done, nil
}

// conclude notes which packs were deleted. Others are locked, or another run has begun to need
// them.
func (x *discarding) conclude(ctx context.Context, damaged []pack.ID) error {
	for _, id := range damaged {
		if x.done.Left[id] != nil {
			continue
		}
		_, err := x.e.Store.Stat(ctx, object.Packs.Name(id))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			x.done.Packs = append(x.done.Packs, id)
		case err != nil:
			return err
		default:
			x.done.Left[id] = errors.New("it could not be deleted now")
		}
	}
	return nil
}
