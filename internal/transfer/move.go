package transfer

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

// A mover copies what snapshots reach to a repository with the same ids. It moves the packs
// that hold the blobs that are missing there. It packs blobs again whose packs can't be
// moved: they are damaged, or their names were used there.
type mover struct {
	walker
	c          *copier
	repackOnly bool // no pack is moved

	mu        sync.Mutex
	unmovable map[pack.ID]bool
}

func newMover(c *copier) *mover {
	return &mover{walker: walker{map[chunk.ID]bool{}}, c: c, unmovable: map[pack.ID]bool{}, repackOnly: c.to.Config.Twin == ""}
}

// reset is part of fetcher. Packs that were moved may have been deleted meanwhile. So the next
// fetch packs again what is missing, under names that were never used.
func (v *mover) reset() {
	clear(v.stored)
	v.repackOnly = true
}

// fetch is part of fetcher.
func (v *mover) fetch(ctx context.Context, m *snapshot.Manifest, base *version) (treeIDs, error) {
	ids := treesOf(m)
	if !v.repackOnly {
		visited, all, err := v.movePacks(ctx, m, base)
		if err != nil {
			return ids, err
		}
		if all {
			v.addStored(visited)
			return ids, nil
		}
	}
	b := v.c.newBatch(nil)
	visited, err := v.walkMissing(ctx, m, base, func(ref blob.Ref) error { return b.add(ctx, ref) })
	if err == nil {
		err = b.flush(ctx)
	}
	if err != nil {
		return ids, err
	}
	v.addStored(visited)
	v.repackOnly = v.c.to.Config.Twin == ""
	return ids, nil
}

// walkMissing calls need for each blob that a snapshot reaches and the destination lacks. It
// returns the trees it has visited.
func (v *mover) walkMissing(ctx context.Context, m *snapshot.Manifest, base *version, need func(blob.Ref) error) (visited map[chunk.ID]bool, err error) {
	var older *snapshot.Entry
	if base != nil {
		older = &base.to.Root
	}
	return v.walk(ctx, m, originTrees{v.c.from}, v.c.to.Blobs, older, func(ref blob.Ref) error {
		if v.c.s.Has(ref.ID) {
			return nil
		}
		return need(ref)
	})
}

// movePacks moves the packs that hold the missing blobs of a snapshot, and reports whether all
// were moved. If not, the blobs that are still missing have to be packed again.
func (v *mover) movePacks(ctx context.Context, m *snapshot.Manifest, base *version) (visited map[chunk.ID]bool, all bool, err error) {
	all = true
	var packs []*pack.Info
	var runs []seal.Run
	wanted := map[pack.ID]bool{}
	visited, err = v.walkMissing(ctx, m, base, func(ref blob.Ref) error {
		p, err := v.packOf(ctx, ref, wanted)
		if err != nil {
			return err
		}
		if p == nil {
			all = false
		} else if !wanted[p.ID] {
			wanted[p.ID] = true
			packs, runs = append(packs, p), append(runs, p.Header.Run())
		}
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	if err := v.c.protectRuns(ctx, runs...); err != nil {
		return nil, false, &fatalError{err}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(v.c.s.PacksAtOnce())
	for _, p := range packs {
		g.Go(func() error {
			moved, err := v.move(ctx, p.ID)
			if err != nil {
				return &fatalError{fmt.Errorf("move pack %s: %w", p.ID.Short(), err)}
			}
			if !moved {
				v.mu.Lock()
				v.unmovable[p.ID], all = true, false
				v.mu.Unlock()
			}
			return nil
		})
	}
	err = g.Wait()
	return visited, all, err
}

// packOf returns a pack that holds a blob and can be moved, or nil. It prefers one that is
// wanted already.
func (v *mover) packOf(ctx context.Context, ref blob.Ref, wanted map[pack.ID]bool) (*pack.Info, error) {
	var places []index.Place
	err := v.c.from.Blobs.WithIndex(ctx, func(x *index.Index) (err error) {
		if places, err = x.Lookup(ref.ID); err == nil && len(places) == 0 {
			err = &blob.LostError{ID: ref.ID, Tree: ref.Tree}
		}
		return err
	})
	if err != nil {
		return nil, fatalUnlessLost(err)
	}
	var found *pack.Info
	for _, place := range places {
		p := place.Pack
		switch {
		case wanted[p.ID]:
			return p, nil
		case found == nil && p.IsTree() == ref.Tree && v.isMovable(p):
			found = p
		}
	}
	return found, nil
}

func (v *mover) isMovable(p *pack.Info) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return !v.unmovable[p.ID] && v.c.canStoreUnchanged(p.Header) && !v.c.s.IsAbsent(p.ID)
}

// move stores a pack unchanged, and reports whether it could: the pack is whole, the
// destination can open it, and its name was never used there.
func (v *mover) move(ctx context.Context, id pack.ID) (bool, error) {
	info, err := v.c.s.StorePack(ctx, func(spool object.Spool) (*pack.Info, error) { return v.receive(ctx, id, spool) })
	if err != nil || info == nil {
		return false, err
	}
	v.c.progress.count(func(r *Report) { r.PacksMoved++; r.BytesMoved += info.Size })
	return true, nil
}

// receive reads a pack to a spool, and returns what it holds, or nil if it is gone or
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
	v.c.progress.count(func(r *Report) { r.BytesRead += size })
	if pack.ID(hash.Sum(nil)) != id {
		return nil, nil
	}
	info, err := pack.ReadInfo(v.c.to.Sealer, id, size, spool)
	if _, damaged := errors.AsType[*pack.DamageError](err); damaged || errors.Is(err, seal.ErrNoKey) {
		return nil, nil
	}
	return info, err
}
