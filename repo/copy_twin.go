package repo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// A mover brings snapshots to a repository with the same ids. It moves the packs
// that hold what is missing there, and packs anew what of these can't be moved: they
// are damaged, or their names were used there.
type mover struct {
	walker
	c    *copier
	anew bool // nothing is moved as it is

	mu  sync.Mutex
	not map[pack.ID]bool // packs that can't be moved
}

func newMover(c *copier) *mover {
	return &mover{walker: walker{map[chunk.ID]bool{}}, c: c, not: map[pack.ID]bool{}, anew: c.to.Config.Twin == ""}
}

// forget is part of fetcher.
func (v *mover) forget() {
	clear(v.seen)
	v.anew = true
}

// fetch is part of fetcher.
func (v *mover) fetch(ctx context.Context, m *snapshot.Manifest, base *version) (treeIDs, error) {
	var older *snapshot.Entry
	if base != nil {
		older = &base.to.Root
	}
	missing := func(need func(blob.Ref) error) (map[chunk.ID]bool, error) {
		return v.walk(ctx, m, sourceTrees{v.c.from}, v.c.to.Blobs, older, func(ref blob.Ref) error {
			if v.c.s.Has(ref.ID) {
				return nil
			}
			return need(ref)
		})
	}
	if !v.anew {
		visited, rest, err := v.movePacks(ctx, missing)
		if err != nil {
			return treesOf(m), err
		}
		if !rest {
			v.brought(visited)
			return treesOf(m), nil
		}
	}
	b := v.c.batch(nil)
	visited, err := missing(func(ref blob.Ref) error { return b.add(ctx, ref) })
	if err == nil {
		err = b.flush(ctx)
	}
	if err != nil {
		return treesOf(m), err
	}
	v.brought(visited)
	v.anew = v.c.to.Config.Twin == ""
	return treesOf(m), nil
}

// movePacks moves the packs that hold what is missing, and reports whether
// something of it has to be packed anew.
func (v *mover) movePacks(ctx context.Context, missing func(func(blob.Ref) error) (map[chunk.ID]bool, error)) (visited map[chunk.ID]bool, rest bool, err error) {
	var packs []*pack.Info
	wanted := map[pack.ID]bool{}
	visited, err = missing(func(ref blob.Ref) error {
		p, err := v.packOf(ctx, ref, wanted)
		if err != nil {
			return err
		}
		if p == nil {
			rest = true
		} else if !wanted[p.ID] {
			wanted[p.ID] = true
			packs = append(packs, p)
		}
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	var runs []seal.Run
	for _, p := range packs {
		runs = append(runs, p.Header.Run())
	}
	if err := v.c.answerFor(ctx, runs...); err != nil {
		return nil, false, &halt{err}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(v.c.s.PacksAtOnce())
	for _, p := range packs {
		g.Go(func() error {
			moved, err := v.move(ctx, p.ID)
			if err != nil {
				return &halt{fmt.Errorf("move pack %s: %w", p.ID.Short(), err)}
			}
			if !moved {
				v.mu.Lock()
				v.not[p.ID], rest = true, true
				v.mu.Unlock()
			}
			return nil
		})
	}
	return visited, rest, g.Wait()
}

// packOf returns a pack that holds a blob and can be moved, rather one that is wanted
// already, or nil.
func (v *mover) packOf(ctx context.Context, ref blob.Ref, wanted map[pack.ID]bool) (*pack.Info, error) {
	var places []index.Place
	err := v.c.from.Blobs.WithIndex(ctx, func(x *index.Index) (err error) {
		if places, err = x.Lookup(ref.ID); err == nil && len(places) == 0 {
			err = &LostError{ID: ref.ID, Tree: ref.Tree}
		}
		return err
	})
	if err != nil {
		return nil, halting(err)
	}
	var found *pack.Info
	for _, place := range places {
		p := place.Pack
		switch {
		case wanted[p.ID]:
			return p, nil
		case found == nil && p.IsTree() == ref.Tree && v.movable(p):
			found = p
		}
	}
	return found, nil
}

func (v *mover) movable(p *pack.Info) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return !v.not[p.ID] && v.c.whole(p.Header) && !v.c.s.IsAbsent(p.ID)
}

// move stores a pack as it is, and reports whether it could: its bytes are those that
// its name was made from, it can be opened there, and its name is free.
func (v *mover) move(ctx context.Context, id pack.ID) (bool, error) {
	info, err := v.c.s.StorePack(ctx, func(spool object.Spool) (*pack.Info, error) { return v.receive(ctx, id, spool) })
	if err != nil || info == nil {
		return false, err
	}
	v.c.now(func(r *CopyReport) { r.PacksMoved++; r.BytesMoved += uint64(info.Size) })
	return true, nil
}

// receive reads a pack to a spool, and returns what it is, or nil if it is gone or
// damaged.
func (v *mover) receive(ctx context.Context, id pack.ID, spool object.Spool) (*pack.Info, error) {
	rc, err := v.c.from.Store.Get(ctx, object.Packs.Name(id), 0, -1)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	hash := blake3.New()
	size, err := io.CopyBuffer(io.MultiWriter(hash, io.NewOffsetWriter(spool, 0)), rc, make([]byte, 256<<10))
	if err = object.Join(err, rc.Close()); err != nil {
		return nil, err
	}
	v.c.now(func(r *CopyReport) { r.BytesRead += uint64(size) })
	if pack.ID(hash.Sum(nil)) != id {
		return nil, nil
	}
	info, err := pack.ReadInfo(v.c.to.Sealer, id, size, spool)
	var damage *pack.DamageError
	if errors.As(err, &damage) || errors.Is(err, ErrNewerKey) {
		return nil, nil
	}
	return info, err
}
