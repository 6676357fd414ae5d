package repo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"

	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
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
	m, object, err := r.readManifestAs(ctx, snapshotName(l.id), l.id)
	if err == nil {
		r.keepManifest(m, object)
	}
	return m, err
}

// readManifest reads a manifest from the target. A tombstone in its place is
// errGivenUp, which is fs.ErrNotExist.
func (r *Repo) readManifest(ctx context.Context, id snapshot.ID) (*snapshot.Manifest, error) {
	m, _, err := r.readManifestAs(ctx, snapshotName(id), id)
	return m, err
}

// readManifestAs reads a manifest that is stored under some name, and returns it as
// sealed, too.
func (r *Repo) readManifestAs(ctx context.Context, name string, id snapshot.ID) (*snapshot.Manifest, []byte, error) {
	object, err := target.ReadAll(ctx, r.target, name, maxManifest)
	if err != nil {
		return nil, nil, err
	}
	if r.isTombstone(object) {
		return nil, nil, errGivenUp
	}
	if blake3.Sum256(object) != id {
		if _, err := r.box.Open(seal.Tombstone, object); errors.Is(err, ErrNewerKey) {
			return nil, nil, damage(name, err)
		}
		if object, err = r.objectElsewhere(ctx, name, id, maxManifest, &DamageError{name, errHash}); err != nil {
			return nil, nil, err
		}
	}
	body, err := r.box.Open(seal.Manifest, object)
	if err != nil {
		return nil, nil, damage(name, err)
	}
	m, err := snapshot.ParseManifest(body)
	if err != nil {
		return nil, nil, &DamageError{name, err}
	}
	m.ID = id
	return m, object, nil
}

// listSnapshots lists all snapshots. Names that are none are passed over; check tells
// of them.
func (r *Repo) listSnapshots(ctx context.Context) ([]listing, error) {
	var all []listing
	for info, err := range r.target.List(ctx, snapshotPrefix) {
		if err != nil {
			return nil, err
		}
		if id, err := snapshot.ParseID(strings.TrimPrefix(info.Name, snapshotPrefix)); err == nil {
			all = append(all, listing{id, info.Size})
		}
	}
	return all, nil
}

// A Select picks snapshots. Its zero value picks all.
type Select struct {
	Hostname string
	Paths    []string  // each has to be a path of the snapshot, or below one
	Tags     []string  // it has to have them all
	Before   time.Time // it has to have been begun at that time or earlier
	Last     int       // only so many of the newest
}

func (s *Select) matches(m *snapshot.Manifest) bool {
	if s.Hostname != "" && m.Hostname != s.Hostname || !s.Before.IsZero() && m.Start.After(s.Before) {
		return false
	}
	for _, tag := range s.Tags {
		if !slices.Contains(m.Tags, tag) {
			return false
		}
	}
	for _, p := range s.Paths {
		if !slices.ContainsFunc(m.Paths, func(have string) bool { return have == p || strings.HasPrefix(p, strings.TrimSuffix(have, "/")+"/") }) {
			return false
		}
	}
	return true
}

// text says what is picked.
func (s *Select) text() string {
	var out string
	if s.Hostname != "" {
		out += " of host " + s.Hostname
	}
	for _, p := range s.Paths {
		out += " with path " + p
	}
	for _, tag := range s.Tags {
		out += " with tag " + tag
	}
	if !s.Before.IsZero() {
		out += " at or before " + s.Before.Local().Format(time.DateTime)
	}
	return out
}

// Snapshots returns the snapshots that are picked, the oldest first. Manifests
// that can't be read don't keep the others from being returned, together with an
// error that names them.
func (r *Repo) Snapshots(ctx context.Context, s Select) ([]*snapshot.Manifest, error) {
	all, damaged, err := r.stored(ctx)
	if err == nil {
		err = r.marked(ctx, all)
	}
	if err != nil {
		return nil, err
	}
	var out []*snapshot.Manifest
	for _, m := range all {
		if s.matches(m) {
			out = append(out, m)
		}
	}
	sortByAge(out)
	if s.Last > 0 && len(out) > s.Last {
		out = out[len(out)-s.Last:]
	}
	return out, damaged
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
	g.SetLimit(r.atOnce(len(listed)))
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

func sortByAge(all []*snapshot.Manifest) { slices.SortFunc(all, compareAge) }

// compareAge puts the older snapshot first, and one before those that were made
// from it.
func compareAge(a, b *snapshot.Manifest) int {
	made := func(m *snapshot.Manifest) int {
		if m.Original.IsZero() {
			return 0
		}
		return 1
	}
	return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Number, b.Number), made(a)-made(b), compareIDs(a.ID, b.ID))
}

// ErrNoSnapshot means that no snapshot is the one asked for.
var ErrNoSnapshot = errors.New("no such snapshot")

// Find returns the snapshot that a word names, among those picked: "latest", or
// the beginning of an id. The errors are ErrNoSnapshot, and one that tells of
// several with the same beginning.
func (r *Repo) Find(ctx context.Context, word string, s Select) (*snapshot.Manifest, error) {
	if word != "latest" {
		return r.findPrefix(ctx, word)
	}
	s.Last = 1
	found, err := r.Snapshots(ctx, s)
	if errors.Is(err, ErrNewerKey) {
		return nil, err // it may be the latest
	}
	if len(found) == 0 {
		return nil, errors.Join(fmt.Errorf("%w%s", ErrNoSnapshot, s.text()), err)
	}
	return found[0], nil
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
