package repo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
)

func replicateSnapshots(ctx context.Context, e *engine.Engine, to target.Target, o ReplicateOptions) (*ReplicateReport, error) {
	if err := e.Keys.Current(ctx); err != nil {
		return nil, err
	}
	c := newReplication(e.Store, object.On(to, object.Options{}), o)
	c.byAge = func(ctx context.Context, names []string) error { return byAge(ctx, e, names) }
	err := c.during(ctx, func(ctx context.Context) error {
		if err := c.copy(ctx); err != nil || o.KeepDeleted {
			return err
		}
		return drop(ctx, e, c)
	})
	return &c.report, err
}

// byAge sorts the names of snapshots, the oldest first, and leaves out what can't be
// read behind them.
func byAge(ctx context.Context, e *engine.Engine, names []string) error {
	known := map[string]*snapshot.Manifest{}
	for _, name := range names {
		id, err := snapshot.ParseID(object.Snapshots.Rest(name))
		if err != nil {
			continue
		}
		m, err := e.Catalog.Read(ctx, id)
		var damage *DamageError
		switch {
		case err == nil:
			known[name] = m
		case errors.Is(err, fs.ErrNotExist), errors.As(err, &damage), errors.Is(err, ErrNewerKey):
		default:
			return err
		}
	}
	place := map[string]int{}
	for i, p := range snapshot.Order(slices.Collect(maps.Values(known)), e.Now()) {
		place[object.Snapshots.Name(p.ID)] = i - len(known) // before those that can't be read
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(place[a], place[b]), strings.Compare(a, b))
	})
	return nil
}

// A dropper removes from a replica what its repository has no more.
type dropper struct {
	*replication
	e     *engine.Engine   // on the replica, with an index of its own
	here  map[string]int64 // what the repository has, listed after the replica
	there map[string]int64 // packs on the replica

	needed map[pack.ID]bool // packs that are gone here and needed there
}

func drop(ctx context.Context, e *engine.Engine, c *replication) error {
	here, err := listReplicated(ctx, c.from)
	if err != nil {
		return err
	}
	fresh, err := engine.FreshOn(e, c.to.ReadOnly(ErrReplica))
	if err != nil {
		return err
	}
	defer engine.Close(fresh)
	d := &dropper{replication: c, e: fresh, here: here, there: map[string]int64{}, needed: map[pack.ID]bool{}}
	for _, step := range []func(context.Context) error{d.dropSnapshots, d.dropPacks, d.dropRecords, d.dropKeys} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// gone returns the objects of a sort that only the replica has, in order.
func (d *dropper) gone(kind object.Kind) (names []string) {
	for name := range d.have {
		if _, ok := d.here[name]; !ok && kind.Has(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// remove removes an object from the replica. What that keeps locked stays for a later
// replication.
func (d *dropper) remove(ctx context.Context, name string) error {
	err := d.to.Remove(ctx, name)
	if _, locked := target.LockedUntil(err); locked {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove %s from the replica: %w", name, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.report.RemovedObjects++
	d.report.RemovedBytes += d.have[name]
	switch kind, _ := object.KindOf(name); kind {
	case object.Packs:
		d.report.RemovedPacks++
	case object.Snapshots:
		d.report.RemovedSnapshots++
	}
	delete(d.have, name)
	d.progress("removing")
	return nil
}

// dropSnapshots removes the snapshots that were forgotten, the newest first, so that
// none of those left follows one that is missing.
func (d *dropper) dropSnapshots(ctx context.Context) error {
	names := d.gone(object.Snapshots)
	for name := range d.tombs {
		if _, ok := d.have[name]; ok {
			names = append(names, name)
		}
	}
	if err := byAge(ctx, d.e, names); err != nil {
		return err
	}
	slices.Reverse(names)
	var explained, unexplained []string
	back, err := broughtBack(ctx, d.e, names)
	if err != nil {
		return err
	}
	for _, name := range names {
		_, recorded := d.have[object.Forgotten.Under(object.Snapshots.Rest(name))]
		if recorded || d.tombs[name] || back[name] {
			explained = append(explained, name)
		} else {
			unexplained = append(unexplained, name)
		}
	}
	if d.o.DeleteUnexplained && len(unexplained) > 0 {
		if err := d.surely(ctx, unexplained); err != nil {
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
		d.report.Unexplained = append(d.report.Unexplained, object.Snapshots.Rest(name))
	}
	return nil
}

// broughtBack returns which of some snapshots are there under another id, too, as
// Heal and Undelete leave them.
func broughtBack(ctx context.Context, e *engine.Engine, names []string) (map[string]bool, error) {
	out := map[string]bool{}
	if len(names) == 0 {
		return out, nil
	}
	all, err := everySnapshot(ctx, e)
	if damage := (*DamageError)(nil); err != nil && !errors.As(err, &damage) && !errors.Is(err, ErrNewerKey) {
		return nil, err
	}
	roots := map[snapshot.ID]chunk.ID{}
	for _, m := range all {
		roots[m.ID] = m.Root.Subtree
	}
	for _, m := range all {
		if root, ok := roots[m.Original]; ok && root == m.Root.Subtree && slices.Contains(names, object.Snapshots.Name(m.Original)) {
			out[object.Snapshots.Name(m.Original)] = true
		}
	}
	return out, nil
}

// ErrLookLost means that snapshots that a replica alone has look as if they were lost
// here, not forgotten.
var ErrLookLost = errors.New("snapshots that only the replica has look lost here, not forgotten")

// surely returns an error if snapshots that are gone without a record look lost: none
// is left at all, or one is gone that a later one follows, whose record stays as long
// as that does.
func (d *dropper) surely(ctx context.Context, gone []string) error {
	left := 0
	lost := map[string]bool{}
	for _, name := range gone {
		lost[name] = true
	}
	for name := range d.here {
		id, err := snapshot.ParseID(object.Snapshots.Rest(name))
		if err != nil || !object.Snapshots.Has(name) || d.tombs[name] {
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
		if lost[object.Snapshots.Name(m.Previous)] {
			return fmt.Errorf("%w: %s, which %s follows", ErrLookLost, m.Previous.Short(), id.Short())
		}
	}
	if left == 0 {
		return fmt.Errorf("%w: no snapshot is left here", ErrLookLost)
	}
	return nil
}

// dropPacks removes the deltas and packs that are gone here, in this order, but for
// those that are needed there.
func (d *dropper) dropPacks(ctx context.Context) error {
	deltas, packs := d.gone(object.Deltas), d.gone(object.Packs)
	if len(deltas)+len(packs) == 0 {
		return nil
	}
	gone := map[string]bool{}
	for _, name := range slices.Concat(deltas, packs) {
		gone[name] = true
	}
	keptDeltas, err := d.survey(ctx, gone)
	var damage *DamageError
	var lost *LostError
	if errors.As(err, &damage) || errors.As(err, &lost) || errors.Is(err, ErrNewerKey) || errors.Is(err, errTombstone) {
		d.report.Kept = fmt.Errorf("it can't be told what the replica's snapshots need: %w", err)
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range deltas {
		if !keptDeltas[name] {
			if err := d.remove(ctx, name); err != nil {
				return err
			}
		}
	}
	for _, name := range packs {
		if id, ok := object.Packs.ID(name); ok && !d.needed[id] {
			if err := d.remove(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropRecords removes what was said of snapshots that are gone from both, and what
// was lost and is stored again.
func (d *dropper) dropRecords(ctx context.Context) error {
	for _, name := range d.gone(object.Forgotten) {
		if _, ok := d.have[object.Snapshots.Under(object.Forgotten.Rest(name))]; ok || len(d.report.Unexplained) > 0 {
			continue
		}
		if err := d.remove(ctx, name); err != nil {
			return err
		}
	}
	newest := map[snapshot.ID]uint64{}
	for name := range d.here {
		if id, number, ok := catalog.ParseMarkName(name); ok {
			newest[id] = max(newest[id], number)
		}
	}
	for _, name := range d.gone(object.Marks) {
		id, number, ok := catalog.ParseMarkName(name)
		if _, stands := d.have[object.Snapshots.Name(id)]; !ok || stands && number >= newest[id] {
			continue // it may be lost here
		}
		if err := d.remove(ctx, name); err != nil {
			return err
		}
	}
	for _, name := range d.gone(object.Losses) {
		if err := d.remove(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// dropKeys removes the key slots that were removed here, as long as another that was
// copied can be read.
func (d *dropper) dropKeys(ctx context.Context) error {
	removed := d.gone(object.Keys)
	if len(removed) == 0 {
		return nil
	}
	if kept, err := d.e.Keys.HasCurrentSlot(ctx, d.here); err != nil || !kept {
		return err
	}
	for _, name := range removed {
		if err := d.remove(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
