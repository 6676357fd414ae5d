package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/snapshot"
)

// A listing is what a list says of a manifest, or of a tombstone in its place.
type listing struct {
	id   snapshot.ID
	size int64
}

// manifestCache keeps the manifests that were read: they never change. Its zero
// value is empty and ready to use.
type manifestCache struct {
	mu    sync.Mutex
	byID  map[snapshot.ID]sizedManifest
	known map[snapshot.ID]bool // all that were ever put
}

// A sizedManifest is a manifest and the size of its object (see cachedManifest).
type sizedManifest struct {
	m    *snapshot.Manifest
	size int64
}

func (c *manifestCache) get(l listing) *snapshot.Manifest {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found := c.byID[l.id]; found.size == l.size {
		return found.m
	}
	return nil
}

func (c *manifestCache) put(m *snapshot.Manifest, size int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID == nil {
		c.byID, c.known = map[snapshot.ID]sizedManifest{}, map[snapshot.ID]bool{}
	}
	c.known[m.ID] = true
	c.byID[m.ID] = sizedManifest{m, size}
}

// knew reports whether a manifest was put whose id begins so.
func (c *manifestCache) knew(prefix string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.known {
		if prefix != "" && strings.HasPrefix(id.String(), prefix) {
			return true
		}
	}
	return false
}

func (c *manifestCache) drop(id snapshot.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byID, id)
}

// manifest reads a manifest that was listed just now.
func (r *Repo) manifest(ctx context.Context, l listing) (*snapshot.Manifest, error) {
	if m := r.manifests.get(l); m != nil {
		return m, nil
	}
	if m := r.cachedManifest(l); m != nil {
		r.manifests.put(m, l.size)
		return m, nil
	}
	m, sealed, err := r.readManifestAs(ctx, object.Snapshots.Name(l.id), l.id)
	if err == nil {
		r.keepManifest(m, sealed)
	}
	return m, err
}

// readManifest reads a manifest from the target. A tombstone in its place is
// errGivenUp, which is fs.ErrNotExist.
func (r *Repo) readManifest(ctx context.Context, id snapshot.ID) (*snapshot.Manifest, error) {
	m, _, err := r.readManifestAs(ctx, object.Snapshots.Name(id), id)
	return m, err
}

// readManifestAs reads a manifest that is stored under some name, and returns it as
// sealed, too.
func (r *Repo) readManifestAs(ctx context.Context, name string, id snapshot.ID) (*snapshot.Manifest, []byte, error) {
	sealed, err := r.store.ReadAll(ctx, name, object.MaxManifest)
	if object.IsDamage(err) {
		sealed, err = r.store.ReadFromReplicas(ctx, name, id, object.MaxManifest, err)
	}
	if err != nil {
		return nil, nil, err
	}
	if r.isTombstone(sealed) {
		return nil, nil, errGivenUp
	}
	if blake3.Sum256(sealed) != id {
		if _, err := r.box.Open(seal.Tombstone, sealed); errors.Is(err, ErrNewerKey) {
			return nil, nil, object.Unopened(name, err)
		}
		if sealed, err = r.store.ReadFromReplicas(ctx, name, id, object.MaxManifest, &DamageError{Object: name, Err: object.ErrHash}); err != nil {
			return nil, nil, err
		}
	}
	body, err := r.box.Open(seal.Manifest, sealed)
	if err != nil {
		return nil, nil, object.Unopened(name, err)
	}
	m, err := snapshot.ParseManifest(body)
	if err != nil {
		return nil, nil, &DamageError{Object: name, Err: err}
	}
	m.ID = id
	return m, sealed, nil
}

// listSnapshots lists all snapshots. Names that are none are passed over; check tells
// of them.
func (r *Repo) listSnapshots(ctx context.Context) ([]listing, error) {
	var all []listing
	for info, err := range r.store.List(ctx, object.Snapshots) {
		if err != nil {
			return nil, err
		}
		if id, err := snapshot.ParseID(object.Snapshots.Rest(info.Name)); err == nil {
			all = append(all, listing{id, info.Size})
		}
	}
	return all, nil
}

// Snapshots returns the snapshots that are picked, the oldest first, in the order of
// snapshot.Order. Manifests that can't be read don't keep the others from being returned,
// together with an error that names them.
func (r *Repo) Snapshots(ctx context.Context, s Select) ([]*snapshot.Manifest, error) {
	placed, damaged, err := r.placed(ctx)
	if err != nil {
		return nil, err
	}
	return manifestsOf(s.pick(placed)), damaged
}

// placed returns all snapshots in their order. What can't be read is damaged.
func (r *Repo) placed(ctx context.Context) (all []snapshot.Placed, damaged, err error) {
	list, damaged, err := r.stored(ctx)
	if err == nil {
		err = r.marked(ctx, list)
	}
	if err != nil {
		return nil, nil, err
	}
	return snapshot.Order(list, r.opts.Now()), damaged, nil
}

// stored returns all snapshots as they were stored, in no order. What can't be read
// is damaged.
func (r *Repo) stored(ctx context.Context) (all []*snapshot.Manifest, damaged, err error) {
	listed, err := r.listSnapshots(ctx)
	if err != nil {
		return nil, nil, err
	}
	found, errs := make([]*snapshot.Manifest, len(listed)), make([]error, len(listed))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.store.AtOnce(len(listed)))
	newer := atomic.Int64{}
	for i, l := range listed {
		g.Go(func() error {
			var err error
			found[i], err = r.manifest(ctx, l)
			var damage *DamageError
			switch {
			case errors.As(err, &damage):
				errs[i] = err
			case errors.Is(err, ErrNewerKey):
				newer.Add(1)
			case !errors.Is(err, fs.ErrNotExist): // forgotten meanwhile
				return err
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	if n := newer.Load(); n > 0 {
		errs = append(errs, fmt.Errorf("%d of %d snapshots: %w", n, len(listed), ErrNewerKey))
	}
	return slices.DeleteFunc(found, func(m *snapshot.Manifest) bool { return m == nil }), errors.Join(errs...), nil
}

// everySnapshot returns all snapshots of all kinds, the oldest first, as Snapshots does.
func (r *Repo) everySnapshot(ctx context.Context) ([]*snapshot.Manifest, error) {
	return r.Snapshots(ctx, Select{AnyKind: true})
}

// inOrder sorts snapshots, the oldest first.
func (r *Repo) inOrder(all []*snapshot.Manifest) {
	copy(all, manifestsOf(snapshot.Order(all, r.opts.Now())))
}

func manifestsOf(placed []snapshot.Placed) []*snapshot.Manifest {
	var out []*snapshot.Manifest
	for _, p := range placed {
		out = append(out, p.Manifest)
	}
	return out
}

// ErrNoSnapshot means that no snapshot is the one asked for.
var ErrNoSnapshot = errors.New("no such snapshot")

// Find returns the snapshot that a word names: "latest", which is the newest of those
// picked, or the beginning of an id. With Before the newest is the one that had ended then,
// as snapshot.At tells. The errors are ErrNoSnapshot, and one that tells of several with
// the same beginning.
func (r *Repo) Find(ctx context.Context, word string, s Select) (*snapshot.Manifest, error) {
	if word != "latest" {
		return r.findPrefix(ctx, word)
	}
	m, _, err := r.Latest(ctx, s)
	return m, err
}

// Latest returns the newest snapshot that is picked, as Find does for "latest", and the
// sources of all that are picked: if these are several, it is the newest of them all.
func (r *Repo) Latest(ctx context.Context, s Select) (*snapshot.Manifest, []SourceVersions, error) {
	all, damaged, err := r.placed(ctx)
	if err != nil {
		return nil, nil, err
	}
	if errors.Is(damaged, ErrNewerKey) {
		return nil, nil, damaged // it may be the latest
	}
	if m := s.newest(all); m != nil {
		return m, sourcesOf(s.pick(all)), nil
	}
	return nil, nil, errors.Join(fmt.Errorf("%w%s", ErrNoSnapshot, s.text()), damaged)
}

func (r *Repo) findPrefix(ctx context.Context, prefix string) (*snapshot.Manifest, error) {
	all, err := r.listSnapshots(ctx)
	if err != nil {
		return nil, err
	}
	var found []listing
	for _, l := range all {
		if prefix != "" && strings.HasPrefix(l.id.String(), prefix) {
			found = append(found, l)
		}
	}
	if len(found) > 1 {
		if found, err = r.standing(ctx, found); err != nil {
			return nil, err
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("%w: %q is not the beginning of a snapshot's id", ErrNoSnapshot, prefix)
	case 1:
		m, err := r.manifest(ctx, found[0])
		if err != nil {
			return nil, err
		}
		one := []*snapshot.Manifest{m}
		err = r.marked(ctx, one)
		return one[0], err
	}
	return nil, fmt.Errorf("%q is ambiguous: %d snapshots have an id that begins so: give more digits", prefix, len(found))
}

// standing returns those that are no tombstones.
func (r *Repo) standing(ctx context.Context, all []listing) ([]listing, error) {
	var out []listing
	for _, l := range all {
		_, err := r.manifest(ctx, l)
		var damage *DamageError
		switch {
		case err == nil, errors.As(err, &damage):
			out = append(out, l)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	return out, nil
}

// cachedManifest returns the manifest that was listed with that size.
//
// The name of a manifest may hold a tombstone later: a run dies when it has just
// published, which leaves the pending manifest; the published one is forgotten and so
// deleted; and who finds the pending one without a run gives it up. But no object ever
// takes the place of another while that is there, and sealing adds the same to the
// length of all: a tombstone, which has nothing in it, is shorter than any manifest.
// What has the manifest's size is the manifest.
func (r *Repo) cachedManifest(l listing) *snapshot.Manifest {
	sealed, ok := r.store.CachedObject(object.Snapshots.Name(l.id), l.id)
	if !ok || int64(len(sealed)) != l.size {
		return nil
	}
	body, err := r.box.Open(seal.Manifest, sealed)
	if err != nil {
		return nil // the target will say the same
	}
	m, err := snapshot.ParseManifest(body)
	if err != nil {
		return nil
	}
	m.ID = l.id
	return m
}

// keepManifest keeps a manifest that was published or read.
func (r *Repo) keepManifest(m *snapshot.Manifest, sealed []byte) {
	r.manifests.put(m, int64(len(sealed)))
	r.store.Cache(object.CacheName(object.Snapshots.Name(m.ID)), sealed)
}
