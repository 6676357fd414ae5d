package write

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
)

// locksAtOnce is how many objects are locked at the same time.
const locksAtOnce = 16

// lock locks the objects that the manifest relies on for as long as the target locks an object
// that is put now: packs, however old, and the objects that open the repository. It is called
// after ensureStored and before the manifest is published. If one of the objects has vanished
// since, the error is fs.ErrNotExist or a *blob.LostError.
//
// If the records of locks say that everything which the parent reaches is locked long enough,
// lock doesn't ask the target. So an unchanged snapshot costs no request, except the first one
// of each period in which RetainUntil stays the same.
func (p *publication) lock(ctx context.Context) error {
	e := p.s.e
	l := e.Store.Locker()
	if l == nil || l.RetainUntil().IsZero() {
		return nil
	}
	until, locks := l.RetainUntil(), e.Store.Locks(e.Now)
	defer func() { locks.Save() }()
	names, err := namesToOpen(ctx, e, locks, until)
	if err != nil {
		return err
	}
	packs, err := p.packsToLock(ctx, locks, until)
	if err != nil {
		return err
	}
	for _, id := range packs {
		names = append(names, object.Packs.Name(id))
	}
	if err := lockAll(ctx, l, locks, names, until); err != nil {
		return err
	}
	locks.Note(string(object.Keys), until)
	locks.Note(object.Snapshots.Name(p.m.ID), until)
	return nil
}

// lockAll locks objects, except those that are known to be locked long enough.
func lockAll(ctx context.Context, l target.Locker, locks *object.Locks, names []string, until time.Time) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(locksAtOnce)
	for _, name := range names {
		if !locks.Known(name).Before(until.Truncate(time.Second)) {
			continue
		}
		g.Go(func() error {
			if err := l.Lock(ctx, name, until); err != nil {
				return fmt.Errorf("lock %s: %w", name, err)
			}
			locks.Note(name, until)
			return nil
		})
	}
	return g.Wait()
}

// namesToOpen returns the names of the objects that are needed to open the repository: key
// slots, epochs and the config. It returns none if they are known to be locked long enough.
func namesToOpen(ctx context.Context, e *engine.Engine, locks *object.Locks, until time.Time) (names []string, err error) {
	if !locks.Known(string(object.Keys)).Before(until.Truncate(time.Second)) {
		return nil, nil
	}
	for _, kind := range []object.Kind{object.Keys, object.Epochs} {
		for info, err := range e.Store.List(ctx, kind) {
			if err != nil {
				return nil, err
			}
			names = append(names, info.Name)
		}
	}
	for _, name := range []string{object.ConfigName, object.ConfigCopyName, object.TwinName} {
		_, err := e.Store.Stat(ctx, name)
		if err == nil {
			names = append(names, name)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return names, nil
}

// packsToLock returns the packs that the manifest relies on. It leaves out those of the
// vouchers, if everything that the vouchers reach is known to be locked long enough.
func (p *publication) packsToLock(ctx context.Context, locks *object.Locks, until time.Time) ([]pack.ID, error) {
	vouched := p.Proven
	for _, id := range p.Vouchers {
		vouched = vouched && (id.IsZero() || !locks.Known(object.Snapshots.Name(id)).Before(until.Truncate(time.Second)))
	}
	p.s.mu.Lock()
	packs := maps.Clone(p.s.relied)
	maps.DeleteFunc(packs, func(id pack.ID, _ bool) bool { return p.s.isAbsent(id) })
	p.s.mu.Unlock()
	if !vouched {
		if err := p.addReached(ctx, packs); err != nil {
			return nil, err
		}
	}
	return slices.SortedFunc(maps.Keys(packs), object.Compare), nil
}

// addReached adds packs until they hold all blobs that the manifest reaches. It doesn't add
// packs that prune has removed from the deltas so that their locks end.
func (p *publication) addReached(ctx context.Context, packs map[pack.ID]bool) error {
	if err := p.s.e.Blobs.Refresh(ctx, p.s.index, false); err != nil && !index.IsDamaged(err) {
		return err
	}
	seen := map[chunk.ID]bool{}
	return snapshot.ReachAll(ctx, p.s.e.Blobs, p.m, func(id chunk.ID, tree bool) (bool, error) {
		if seen[id] {
			return false, nil
		}
		seen[id] = true
		places, err := p.s.index.Lookup(id)
		if err != nil {
			return false, err
		}
		places = slices.DeleteFunc(places, func(at index.Place) bool { return p.s.IsAbsent(at.Pack.ID) })
		if len(places) == 0 {
			return false, &blob.LostError{ID: id, Tree: tree}
		}
		if !slices.ContainsFunc(places, func(at index.Place) bool { return packs[at.Pack.ID] }) {
			packs[places[0].Pack.ID] = true
		}
		return true, nil
	})
}

// lockFinal locks a manifest that was just published.
func (p *publication) lockFinal(ctx context.Context) error {
	l := p.s.e.Store.Locker()
	if l == nil || l.RetainUntil().IsZero() {
		return nil
	}
	if err := l.Lock(ctx, object.Snapshots.Name(p.m.ID), l.RetainUntil()); err != nil {
		return fmt.Errorf("snapshot %s is saved, but can't be locked: %w", p.m.ID.Short(), err)
	}
	return nil
}
