package replica

import (
	"context"
	"errors"
	"io/fs"

	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/pack"
)

// readDeltas returns the deltas of a repository by their names, without those that can't be
// read.
func readDeltas(ctx context.Context, e *engine.Engine) (map[string]index.Delta, error) {
	names, err := listKind(ctx, e.Store, object.Deltas)
	if err != nil {
		return nil, err
	}
	out := map[string]index.Delta{}
	for name := range names {
		id, err := index.ParseID(object.Deltas.Rest(name))
		if err != nil {
			continue
		}
		d, err := e.Blobs.ReadDelta(ctx, id)
		if isUnreadable(err) || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out[name] = d
	}
	return out, nil
}

// repairDeltas lists again the packs that are here and that only deltas there list, and then
// deletes the damaged deltas that this replaces.
func (h *healer) repairDeltas(ctx context.Context) error {
	if len(h.differences(object.Deltas)) == 0 {
		return nil
	}
	packs, replaced, err := h.packsToList(ctx)
	if err != nil {
		return err
	}
	if len(packs) > 0 {
		if _, _, err := h.here.Blobs.PutDelta(ctx, packs); err != nil {
			return err
		}
	}
	for _, name := range replaced {
		if err := h.here.Store.Remove(ctx, name); err != nil {
			return err
		}
	}
	h.report.Deltas = int64(len(replaced))
	if len(packs) > 0 && len(replaced) == 0 {
		h.report.Deltas = 1
	}
	return nil
}

// packsToList returns the packs that are here and that only deltas there list, and the names
// of the deltas that are damaged here and can be read there.
func (h *healer) packsToList(ctx context.Context) (packs index.Delta, replaced []string, err error) {
	unlisted, err := h.unlistedPacks(ctx)
	if err != nil {
		return nil, nil, err
	}
	there, err := readDeltas(ctx, h.there)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range h.differences(object.Deltas) {
		if d.Here == Sound {
			continue
		}
		delta, ok := there[d.Name]
		if !ok {
			if d.Here == Damaged {
				h.reportLost(d.Name)
			}
			continue
		}
		for _, p := range delta {
			if size, ok := unlisted[p.ID]; ok && size == p.Size {
				delete(unlisted, p.ID)
				packs = append(packs, p)
			}
		}
		if d.Here == Damaged {
			replaced = append(replaced, d.Name)
		}
	}
	return packs, replaced, nil
}

// unlistedPacks returns the packs here that no readable delta lists, with their sizes.
func (h *healer) unlistedPacks(ctx context.Context) (map[pack.ID]int64, error) {
	deltas, err := readDeltas(ctx, h.here)
	if err != nil {
		return nil, err
	}
	packs, err := h.here.Blobs.Packs(ctx)
	if err != nil {
		return nil, err
	}
	for _, delta := range deltas {
		for _, p := range delta {
			delete(packs, p.ID)
		}
	}
	return packs, nil
}
