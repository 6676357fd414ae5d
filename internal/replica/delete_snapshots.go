package replica

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/snapshot"
)

// ErrLookLost means that snapshots that only the replica has look as if the repository had
// lost them, not forgotten them.
var ErrLookLost = errors.New("snapshots that only the replica has look lost here, not forgotten")

// deleteSnapshots deletes the snapshots that were forgotten, the newest first, so that none
// that is left follows a missing one.
func (d *deletion) deleteSnapshots(ctx context.Context) error {
	names := d.gone(object.Snapshots)
	for name := range d.tombstones {
		if d.have.has(name) {
			names = append(names, name)
		}
	}
	if err := sortByAge(ctx, d.e, names); err != nil {
		return err
	}
	slices.Reverse(names)
	back, err := broughtBack(ctx, d.e, names)
	if err != nil {
		return err
	}
	var explained, unexplained []string
	for _, name := range names {
		recorded := d.have.has(object.Forgotten.Under(object.Snapshots.Rest(name)))
		if recorded || d.tombstones[name] || back[name] {
			explained = append(explained, name)
		} else {
			unexplained = append(unexplained, name)
		}
	}
	if d.unexplained && len(unexplained) > 0 {
		if err := d.checkLost(ctx, unexplained); err != nil {
			return err
		}
		explained, unexplained = names, nil
	}
	for _, name := range explained {
		if err := d.remove(ctx, name); err != nil {
			return err
		}
	}
	for _, name := range unexplained {
		if id, err := snapshot.ParseID(object.Snapshots.Rest(name)); err == nil {
			d.report.Unexplained = append(d.report.Unexplained, id)
		}
	}
	return nil
}

// checkLost returns ErrLookLost if snapshots that are gone without a record look lost: no
// snapshot is left at all, or a later one that is left follows one of them. The record of a
// forgotten snapshot stays for as long as the one that follows it.
func (d *deletion) checkLost(ctx context.Context, gone []string) error {
	left := 0
	for name := range d.here {
		id, ok := object.Snapshots.ID(name)
		if !ok || d.tombstones[name] {
			continue
		}
		left++
		m, err := d.e.Catalog.Read(ctx, id)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it is newer than what was copied
		}
		if err != nil {
			return err
		}
		if slices.Contains(gone, object.Snapshots.Name(m.Previous)) {
			return fmt.Errorf("%w: %s, which %s follows", ErrLookLost, m.Previous.Short(), snapshot.ID(id).Short())
		}
	}
	if left == 0 {
		return fmt.Errorf("%w: no snapshot is left here", ErrLookLost)
	}
	return nil
}
