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

// lock has the target keep, for as long as it keeps what is put now, what the
// manifest relies on: packs, however old, and what opens the repository. It comes when
// the pending manifest has made sure that they are there, and before the manifest
// counts as a snapshot. If one has vanished all the same it returns fs.ErrNotExist or
// a *blob.LostError.
//
// What all the parent reaches is locked as long already, as the book says, needs no
// look. So an unchanged snapshot costs no request, but for the first of each period in
// which RetainUntil is the same.
func (p *publication) lock(ctx context.Context) error {
	r := p.s.e
	l := r.Store.Locker()
	if l == nil || l.RetainUntil().IsZero() {
		return nil
	}
	until, book := l.RetainUntil(), r.Store.Locks(r.Now)
	defer func() { book.Save() }()
	names, err := openingNames(ctx, r, book, until)
	if err != nil {
		return err
	}
	packs, err := p.packsToLock(ctx, book, until)
	if err != nil {
		return err
	}
	for _, id := range packs {
		names = append(names, object.Packs.Name(id))
	}
	if err := lockAll(ctx, l, book, names, until); err != nil {
		return err
	}
	book.Note(string(object.Keys), until)
	book.Note(object.Snapshots.Name(p.m.ID), until)
	return nil
}

// lockAll locks objects that the book doesn't say are locked long enough.
func lockAll(ctx context.Context, l target.Locker, book *object.Locks, names []string, until time.Time) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(locksAtOnce)
	for _, name := range names {
		if !book.Known(name).Before(until.Truncate(time.Second)) {
			continue
		}
		g.Go(func() error {
			if err := l.Lock(ctx, name, until); err != nil {
				return fmt.Errorf("lock %s: %w", name, err)
			}
			book.Note(name, until)
			return nil
		})
	}
	return g.Wait()
}

// openingNames returns what opens the repository, unless that is locked long enough.
// Key slots that are gone are no matter.
func openingNames(ctx context.Context, e *engine.Engine, book *object.Locks, until time.Time) (names []string, err error) {
	if !book.Known(string(object.Keys)).Before(until.Truncate(time.Second)) {
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

// packsToLock returns the packs that the manifest relies on, but for those that
// snapshots rely on all of which is locked long enough.
func (p *publication) packsToLock(ctx context.Context, book *object.Locks, until time.Time) ([]pack.ID, error) {
	vouched := p.Proven
	for _, id := range p.Vouchers {
		vouched = vouched && (id.IsZero() || !book.Known(object.Snapshots.Name(id)).Before(until.Truncate(time.Second)))
	}
	p.s.mu.Lock()
	packs := maps.Clone(p.s.relied)
	maps.DeleteFunc(packs, func(id pack.ID, _ bool) bool { return p.s.absent(id) })
	p.s.mu.Unlock()
	if !vouched {
		if err := p.reached(ctx, packs); err != nil {
			return nil, err
		}
	}
	return slices.SortedFunc(maps.Keys(packs), object.Compare), nil
}

// reached adds packs so that they hold all that the manifest reaches. Those that prune
// has listed no more, to let their locks end, are none of them.
func (p *publication) reached(ctx context.Context, packs map[pack.ID]bool) error {
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

// lockFinal has the target keep a manifest that was just published.
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
