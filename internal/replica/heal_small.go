package replica

import (
	"context"
	"errors"
	"fmt"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

// repairSmall repairs here, under their names, the objects that no run deletes beside others:
// the config, the keys and their epochs, marks and records.
func (h *healer) repairSmall(ctx context.Context) error {
	if err := h.repairConfig(ctx); err != nil {
		return err
	}
	for _, d := range h.report.Compared.Differences {
		kind, _ := object.KindOf(d.Name)
		var err error
		switch kind {
		case object.Keys, object.Forgotten, object.Losses: // a missing one was removed
			if d.Here == Damaged && d.There == Sound {
				err = h.fetch(ctx, d.Name)
			} else if d.Here == Damaged && d.There != Sound {
				h.reportLost(d.Name)
			}
		case object.Epochs: // never removed
			if d.Here != Sound && d.There == Sound {
				err = h.fetch(ctx, d.Name)
			}
		case object.Marks:
			err = h.repairMark(ctx, d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fetch replaces an object here by the replica's.
func (h *healer) fetch(ctx context.Context, name string) error {
	_, err := copyObject(ctx, h.replica, h.here.Store, name, new(pack.Buffer), true)
	if err != nil {
		return fmt.Errorf("repair %s: %w", name, err)
	}
	h.report.Objects++
	return nil
}

// repairConfig makes all copies of the config, on both sides, equal to a sound one.
func (h *healer) repairConfig(ctx context.Context) error {
	if len(h.differences(object.ConfigName)) == 0 { // also finds its copy
		return nil
	}
	sound, err := config.ReadSound(ctx, h.here.Store, h.here.Ring)
	if _, damaged := errors.AsType[*object.DamageError](err); damaged {
		sound, err = config.ReadSound(ctx, h.there.Store, h.there.Ring)
	}
	if err != nil {
		return err
	}
	here, err := putConfig(ctx, h.here.Store, sound)
	if err != nil {
		return err
	}
	h.report.Objects += int64(len(here))
	there, err := putConfig(ctx, h.replica, sound)
	if err != nil {
		return err
	}
	for _, name := range there {
		h.copier.count(name, int64(len(sound)))
	}
	return nil
}

// putConfig replaces the copies of a config that differ from a sound one, and returns their
// names.
func putConfig(ctx context.Context, store *object.Store, sound []byte) (replaced []string, err error) {
	copies, err := config.Read(ctx, store, true)
	if err != nil && !errors.Is(err, config.ErrNoRepository) && !errors.Is(err, seal.ErrDamaged) {
		return nil, err
	}
	for _, name := range []string{object.ConfigName, object.ConfigCopyName} {
		if b, ok := copies[name]; ok && string(b) == string(sound) {
			continue
		}
		if err := store.Remove(ctx, name); err != nil {
			return replaced, err
		}
		if err := store.Put(ctx, name, sound); err != nil {
			return replaced, err
		}
		replaced = append(replaced, name)
	}
	return replaced, nil
}

// repairMark replaces, of a mark that differs, the one that can't be opened.
func (h *healer) repairMark(ctx context.Context, d Difference) error {
	if d.Here == Missing || d.Here == Sound && d.There == Missing {
		return nil
	}
	switch {
	case h.isSoundMark(ctx, h.here.Store, d.Name):
		_, err := copyObject(ctx, h.here.Store, h.replica, d.Name, new(pack.Buffer), true)
		return err
	case h.isSoundMark(ctx, h.replica, d.Name):
		return h.fetch(ctx, d.Name)
	}
	h.reportLost(d.Name)
	return nil
}

func (h *healer) isSoundMark(ctx context.Context, on *object.Store, name string) bool {
	b, err := on.ReadAll(ctx, name, catalog.MaxMark)
	return err == nil && h.here.Catalog.CheckMark(name, b) == nil
}
