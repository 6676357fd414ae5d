package replica

import (
	"context"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/transfer"
	"github.com/qsnap/qsnap/snapshot"
)

// repairSnapshots brings back the snapshots that are damaged or were lost here, or, if the
// options say so, all that only the replica has. Then it deletes the damaged manifests.
func (h *healer) repairSnapshots(ctx context.Context) error {
	history, err := h.readHistory(ctx)
	if err != nil {
		return err
	}
	differences := h.differences(object.Snapshots)
	names := make([]string, len(differences))
	for i, d := range differences {
		names[i] = d.Name
	}
	done, err := broughtBack(ctx, h.there, names) // by a heal that was interrupted
	if err != nil {
		return err
	}
	var back []*snapshot.Manifest
	var damaged []string
	for _, d := range differences {
		if d.Here == Sound || d.Here == Missing && !history.isLost(d.Name, h.o.Snapshots) {
			continue
		}
		if d.There != Sound {
			h.reportLost(d.Name)
			continue
		}
		if d.Here == Damaged {
			damaged = append(damaged, d.Name)
		}
		id, ok := object.Snapshots.ID(d.Name)
		if !ok || done[d.Name] {
			continue
		}
		m, err := h.there.Catalog.Read(ctx, id)
		if err != nil {
			return err
		}
		back = append(back, m)
	}
	if err := h.bringBack(ctx, back); err != nil {
		return err
	}
	for _, name := range damaged {
		if err := h.here.Store.Remove(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// A history is what the repository knows of snapshots that are gone, by their ids.
type history struct {
	followed map[string]bool // by another snapshot
	recorded map[string]bool // as forgotten, or brought back
}

func (h *healer) readHistory(ctx context.Context) (history, error) {
	known := history{map[string]bool{}, map[string]bool{}}
	for info, err := range h.here.Store.List(ctx, object.Forgotten) {
		if err != nil {
			return known, err
		}
		known.recorded[object.Forgotten.Rest(info.Name)] = true
	}
	all, _, err := h.here.Catalog.Stored(ctx) // the damaged ones are among the differences
	for _, m := range all {
		known.followed[m.Previous.String()] = true
		known.recorded[m.Original.String()] = true
	}
	return known, err
}

// isLost reports whether a snapshot that is missing here was lost: another one follows it,
// and there is no record that it was forgotten, as there is for as long as it is followed.
// With all it is lost even if none follows it.
func (k history) isLost(name string, all bool) bool {
	id := object.Snapshots.Rest(name)
	return !k.recorded[id] && (k.followed[id] || all)
}

// bringBack copies snapshots from the replica, as Copy does.
func (h *healer) bringBack(ctx context.Context, back []*snapshot.Manifest) error {
	if len(back) == 0 {
		return nil
	}
	if err := h.there.Blobs.Update(ctx, h.there.Index); err != nil {
		return err
	}
	if err := h.here.Blobs.Update(ctx, h.here.Index); err != nil {
		return err
	}
	h.here.Catalog.Sort(back)
	report, err := transfer.Copy(ctx, h.there, h.here, back, transfer.Options{Workers: h.o.Workers})
	h.report.Snapshots = report.Copied
	return err
}
