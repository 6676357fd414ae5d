package object

import (
	"context"
	"strings"

	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

// The local cache keeps objects of a remote target as long as there is room: manifests,
// index deltas and segments of trees, sealed as they are on the target.
//
// The cache answers what the bytes of an object are, never whether the object exists. The
// target is listed whenever it matters which snapshots, deltas and packs exist. Prune, check
// and repair read from the target alone (see Fresh), because deleting relies on it. The
// cache is asked for a manifest only under a name that was just listed, and for a segment
// only of a pack that such a delta lists.
//
// The hash in an object's name verifies the cached bytes. A segment's seal verifies the
// segment: it binds the segment to its pack and its place there. Damaged bytes are dropped
// from the cache and fetched from the target.

// CacheName returns the name under which the cache keeps an object of the target.
func CacheName(name string) string { return strings.ReplaceAll(name, "/", "-") }

// Caches reports whether there is a cache.
func (s *Store) Caches() bool { return s.cache != nil }

// Cached returns the bytes that the cache has under a name, if accept returns nil for them.
func (s *Store) Cached(name string, accept func([]byte) error) ([]byte, bool) {
	return s.cache.Get(name, accept)
}

// Cache puts bytes into the cache under a name. They stay as long as there is room.
func (s *Store) Cache(name string, b []byte) { s.cache.Put(name, b) }

// CachedObject returns an object from the cache. The object is named by the hash of its
// bytes.
func (s *Store) CachedObject(name string, hash [32]byte) ([]byte, bool) {
	return s.cache.Get(CacheName(name), func(b []byte) error {
		if blake3.Sum256(b) != hash {
			return ErrHash
		}
		return nil
	})
}

// Read returns an object from the cache, the target or a replica. The object is named by the
// hash of its bytes and was just listed.
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

// maxFetchBytes bounds the bytes of small objects that are fetched at the same time.
const maxFetchBytes = 16 << 20

// Fetch brings objects that are named by their hashes into the cache, several at a time.
// Without a cache it does nothing. It ignores objects that can't be read: a caller that needs
// one gets the error when it reads the object.
func (s *Store) Fetch(ctx context.Context, k Kind, objects []Listed, limit int64) error {
	if s.cache == nil || s.AtOnce(len(objects)) < 2 {
		return nil
	}
	room := semaphore.NewWeighted(maxFetchBytes)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(s.AtOnce(len(objects)))
	for _, o := range objects {
		g.Go(func() error {
			size := min(o.Size, maxFetchBytes)
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
