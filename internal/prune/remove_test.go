package prune_test

import (
	"context"
	"errors"
	"testing"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/prune"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

func TestRemoveMovesWhatCanBeReadBeforeItDeletes(t *testing.T) {
	r := newRoom(t)
	r.take("abc")
	id, _ := r.dataPack()
	fresh, s := r.session()
	called := false
	moved, err := prune.Remove(t.Context(), fresh, s, prune.Removal{
		Packs: map[pack.ID]prune.BadPack{id: {}},
		Before: func(_ context.Context, before pack.ID) error {
			called = true
			if before != id || !r.has(id) || r.count(object.Packs) != 3 || r.count(object.Quarantine) != 0 {
				t.Errorf("before pack %s is deleted there are %d packs, %d in quarantine", before.Short(), r.count(object.Packs), r.count(object.Quarantine))
			}
			return nil
		},
	})
	if err != nil || moved != 3 || !called {
		t.Errorf("%d blobs, %v, called: %v", moved, err, called)
	}
	if r.has(id) || r.count(object.Quarantine) != 0 {
		t.Errorf("the pack is there: %v; %d in quarantine", r.has(id), r.count(object.Quarantine))
	}
	r.whole()
}

func TestRemoveMovesNothingThatAnotherPackHolds(t *testing.T) {
	r := newRoom(t)
	r.take("abc")
	id, _ := r.dataPack()
	fresh, s := r.session()
	if _, err := prune.Remove(t.Context(), fresh, s, prune.Removal{Packs: map[pack.ID]prune.BadPack{id: {}}, Before: func(context.Context, pack.ID) error {
		return errors.New("enough") // so that two packs hold the same now
	}}); err == nil {
		t.Fatal("no error")
	}
	s.Close()
	fresh, s = r.session()
	if moved, err := prune.Remove(t.Context(), fresh, s, prune.Removal{Packs: map[pack.ID]prune.BadPack{id: {}}}); moved != 0 || err != nil {
		t.Errorf("%d blobs, %v", moved, err)
	}
	if r.has(id) {
		t.Error("the pack is there")
	}
	r.whole()
}

func TestAnErrorBeforeItLeavesThePack(t *testing.T) {
	r := newRoom(t)
	r.take("abc")
	id, _ := r.dataPack()
	fresh, s := r.session()
	stop := errors.New("the disk is full")
	_, err := prune.Remove(t.Context(), fresh, s, prune.Removal{
		Packs:  map[pack.ID]prune.BadPack{id: {}},
		Before: func(context.Context, pack.ID) error { return stop },
	})
	if !errors.Is(err, stop) || !r.has(id) || r.count(object.Quarantine) != 0 {
		t.Errorf("%v; the pack is there: %v; %d in quarantine", err, r.has(id), r.count(object.Quarantine))
	}
	r.whole()
}

// Another pruner may be about to delete the very packs to which blobs were moved. The damaged
// pack stays then, and nothing is lost.
func TestRemoveKeepsAPackWhileNobodyElseReliablyHoldsWhatWasMoved(t *testing.T) {
	r := newRoom(t)
	r.take("abc")
	id, _ := r.dataPack()
	fresh, s := r.session()
	other := seal.Run{1}
	moved, err := prune.Remove(t.Context(), fresh, s, prune.Removal{
		Packs: map[pack.ID]prune.BadPack{id: {}},
		Before: func(ctx context.Context, _ pack.ID) error {
			packs, err := r.Blobs.Packs(ctx)
			for held := range packs {
				if held != id && err == nil {
					err = r.Runs.Quarantine(ctx, held, other, nil)
				}
			}
			return err
		},
	})
	if err != nil || moved != 3 || !r.has(id) {
		t.Errorf("%d blobs, %v; the pack is there: %v", moved, err, r.has(id))
	}
	quarantine, err := r.Runs.Quarantined(t.Context())
	if err != nil || quarantine.Has(id) {
		t.Errorf("%v; the pack stays in quarantine: %v", err, quarantine.Has(id))
	}
}

func TestRemoveUnlistsAPackThatIsMissing(t *testing.T) {
	r := newRoom(t)
	r.take("abc")
	id, _ := r.dataPack()
	r.mem.Set(object.Packs.Name(id), nil)
	fresh, s := r.session()
	if moved, err := prune.Remove(t.Context(), fresh, s, prune.Removal{Packs: map[pack.ID]prune.BadPack{id: {}}}); moved != 0 || err != nil {
		t.Errorf("%d blobs, %v", moved, err)
	}
	if info, err := r.Blobs.ListedInfo(t.Context(), id); info != nil || err != nil {
		t.Errorf("a delta lists it: %v, %v", info, err)
	}
}
