package object

import (
	"context"
	"strings"

	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

// Objects of a remote target are kept in the local cache as long as there is room:
// manifests, index deltas and segments of trees, sealed as they are on the target.
//
// The cache answers what the bytes of an object are, never whether it is there. Which
// snapshots, deltas and packs there are is asked of the target whenever it matters, and
// so is everything that deleting relies on: prune, check and repair read from the target
// alone (see Fresh). A manifest is looked up only under a name that was listed just now,
// a segment only in a pack that such a delta lists.
//
// Objects are known by the hashes they are named by, a segment by its seal, which binds
// it to its pack and its place there. What isn't right is dropped from the cache, and
// fetched.

// CacheName returns the name in the cache of an object on the target.
func CacheName(name string) string { return strings.ReplaceAll(name, "/", "-") }

// Caches reports whether there is a cache.
func (s *Store) Caches() bool { return s.cache != nil }

// Cached returns what the cache has under a name, if accept returns nil for it.
func (s *Store) Cached(name string, accept func([]byte) error) ([]byte, bool) {
	return s.cache.Get(name, accept)
}

// Cache keeps bytes under a name, as long as there is room.
func (s *Store) Cache(name string, b []byte) { s.cache.Put(name, b) }

// CachedObject returns from the cache an object that is named by the hash of its bytes.
func (s *Store) CachedObject(name string, hash [32]byte) ([]byte, bool) {
	return s.cache.Get(CacheName(name), func(b []byte) error {
		if blake3.Sum256(b) != hash {
			return ErrHash
		}
		return nil
	})
}

// Read returns an object that is named by the hash of its bytes and was listed just now:
// from the cache, the target, or a replica.
func (s *Store) Read(ctx context.Context, name string, hash [32]byte, limit int64) ([]byte, error) {
	if object, ok := s.CachedObject(name, hash); ok {
		return object, nil
	}
	object, err := s.ReadAll(ctx, name, limit)
	if IsDamage(err) {
		return s.ReadFromReplicas(ctx, name, hash, limit, err)
	}
	if err != nil {
		return nil, err
	}
	if blake3.Sum256(object) != hash {
		return s.ReadFromReplicas(ctx, name, hash, limit, &DamageError{Object: name, Err: ErrHash})
	}
	s.Cache(CacheName(name), object)
	return object, nil
}

// mostBytesAtOnce bounds the small objects that are being fetched, in bytes.
const mostBytesAtOnce = 16 << 20

// Fetch brings objects that are named by their hashes into the cache, several at a time,
// if there is a cache. Errors are left to the reader that needs the object.
func (s *Store) Fetch(ctx context.Context, k Kind, objects []Listed, limit int64) error {
	if s.cache == nil || s.AtOnce(len(objects)) < 2 {
		return nil
	}
	room := semaphore.NewWeighted(mostBytesAtOnce)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(s.AtOnce(len(objects)))
	for _, o := range objects {
		g.Go(func() error {
			size := min(o.Size, mostBytesAtOnce)
			if err := room.Acquire(ctx, size); err != nil {
				return err
			}
			defer room.Release(size)
			_, _ = s.Read(ctx, k.Name(o.ID), o.ID, limit)
			return ctx.Err()
		})
	}
	return g.Wait()
}
