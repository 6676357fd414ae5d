package object

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path/filepath"

	"github.com/qsnap/qsnap/internal/cache"
	"github.com/qsnap/qsnap/target"
	"github.com/zeebo/blake3"
)

// A Store is the objects on a target. Errors of reading distinguish damage from failure: if a
// disk can't read an object, the error is a *DamageError, and for a pack a *pack.DamageError.
type Store struct {
	target   target.Target // a damageClassifier
	remote   bool
	dir      string     // the local directory, or empty
	cache    *cache.Dir // of objects on a remote target, or nil
	replicas *replicaSet
	probe    *createOnlyProbe
}

// Options of a store. The zero value is useful.
type Options struct {
	// Dir is the local directory for the cache and the records of locks. If it is empty,
	// there is none.
	Dir string
	// CacheSize bounds roughly how many bytes of objects are cached in Dir, if the target is
	// remote. Zero and less cache nothing.
	CacheSize int64
	// Replicas are read when the target's copy of an object is damaged.
	Replicas []Replica
	// Warn is called with ErrNotCreateOnly before the first write, if the target can't create
	// objects atomically. It is called once for each replica that an object is read from, and
	// once if the cache can't be written. It may be nil.
	Warn func(error)
}

// On returns the objects on a target.
func On(t target.Target, o Options) *Store {
	if o.Warn == nil {
		o.Warn = func(error) {}
	}
	s := &Store{
		target: classifyDamage(t), remote: isRemote(t), dir: o.Dir,
		replicas: &replicaSet{all: o.Replicas, warn: o.Warn}, probe: &createOnlyProbe{warn: o.Warn},
	}
	if s.remote && s.dir != "" && o.CacheSize > 0 {
		s.cache = cache.Open(s.cacheDir(), o.CacheSize, func(err error) { o.Warn(fmt.Errorf("the local cache can't be written: %w", err)) })
	}
	return s
}

func (s *Store) cacheDir() string { return filepath.Join(s.dir, "objects") }

// Fresh returns a store of the same objects without the cache and with other replicas, by
// default none. It reads what the target itself holds, and deleting relies on nothing else.
func (s *Store) Fresh(replicas ...Replica) *Store {
	return &Store{target: s.target, remote: s.remote, dir: s.dir, replicas: &replicaSet{all: replicas, warn: s.replicas.warn}, probe: s.probe}
}

// Close closes the cache.
func (s *Store) Close() { s.cache.Close() }

// isRemote reports whether the target is no local file system. Only a local one can stage
// objects. A remote target is worth a cache and more concurrent requests than there are
// processors.
func isRemote(t target.Target) bool {
	_, local := target.As[target.Stager](t)
	return !local
}

// Remote reports whether the target is no local file system.
func (s *Store) Remote() bool { return s.remote }

// As returns the target as an optional interface, as target.As does.
func As[T any](s *Store) (T, bool) { return target.As[T](s.target) }

// Create stores an object. If the name is taken, the error is fs.ErrExist.
func (s *Store) Create(ctx context.Context, name string, object []byte) error {
	return s.target.Put(ctx, name, bytes.NewReader(object), int64(len(object)))
}

// Put stores an object. It succeeds if the target holds the same bytes under the name
// already, as after a Put that succeeded and was reported as failed. It fails if the target
// holds other bytes.
func (s *Store) Put(ctx context.Context, name string, object []byte) error {
	err := s.Create(ctx, name, object)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	stored, err := s.ReadAll(ctx, name, int64(len(object)))
	if err != nil {
		return err
	}
	if !bytes.Equal(stored, object) {
		return fmt.Errorf("%s: the target holds other bytes under this name", name)
	}
	return nil
}

// Delete deletes an object. If it doesn't exist, the error is fs.ErrNotExist.
func (s *Store) Delete(ctx context.Context, name string) error { return s.target.Delete(ctx, name) }

// Remove deletes an object if it exists.
func (s *Store) Remove(ctx context.Context, name string) error {
	if err := s.target.Delete(ctx, name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Get reads an object as target.Target does.
func (s *Store) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	return s.target.Get(ctx, name, off, n)
}

// Stat returns an object's size. If the object doesn't exist, the error is fs.ErrNotExist.
func (s *Store) Stat(ctx context.Context, name string) (target.Info, error) {
	return s.target.Stat(ctx, name)
}

// List yields the objects of a kind as target.Target does. The empty kind is all objects.
func (s *Store) List(ctx context.Context, k Kind) iter.Seq2[target.Info, error] {
	return s.target.List(ctx, string(k))
}

// Listed is an object in a listing.
type Listed struct {
	ID   [32]byte
	Size int64
}

// IDs yields the objects of a kind whose names are ids. It skips other names, which check
// reports.
func (s *Store) IDs(ctx context.Context, k Kind) iter.Seq2[Listed, error] {
	return func(yield func(Listed, error) bool) {
		for info, err := range s.target.List(ctx, string(k)) {
			if err != nil {
				yield(Listed{}, err)
				return
			}
			if id, ok := k.ID(info.Name); ok && !yield(Listed{id, info.Size}, nil) {
				return
			}
		}
	}
}

// ReadAll returns an object from the target. It fails if the object has more than limit
// bytes.
func (s *Store) ReadAll(ctx context.Context, name string, limit int64) ([]byte, error) {
	return target.ReadAll(ctx, s.target, name, limit)
}

// MatchesName reports whether an object has the bytes its name was made from, given the hash
// in its name. Then it isn't damaged; if it can't be opened, it is another repository's. An
// object that isn't there doesn't match. A *DamageError means that it can't be read.
func (s *Store) MatchesName(ctx context.Context, name string, hash [32]byte) (bool, error) {
	rc, err := s.Get(ctx, name, 0, -1)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer rc.Close()
	h := blake3.New()
	if _, err := io.Copy(h, rc); err != nil {
		return false, err
	}
	return [32]byte(h.Sum(nil)) == hash, nil
}

// ReadFront returns the first limit bytes of an object, or all if it has fewer.
func (s *Store) ReadFront(ctx context.Context, name string, limit int64) ([]byte, error) {
	rc, err := s.target.Get(ctx, name, 0, -1)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(rc, limit))
	return b, Join(err, rc.Close())
}

// ReadRange fills buf from an object's bytes at off.
func (s *Store) ReadRange(ctx context.Context, name string, off int64, buf []byte) error {
	rc, err := s.target.Get(ctx, name, off, int64(len(buf)))
	if err != nil {
		return err
	}
	_, err = io.ReadFull(rc, buf)
	return Join(err, rc.Close())
}

// AtOnce returns how many of n small objects to read at the same time.
func (s *Store) AtOnce(n int) int {
	if !s.remote {
		return 1
	}
	return max(1, min(n/4, maxAtOnce))
}

// maxAtOnce bounds the small objects that are read at the same time.
const maxAtOnce = 16

// Locker returns the target as one that locks objects, or nil if it can't.
func (s *Store) Locker() target.Locker {
	l, _ := target.As[target.Locker](s.target)
	return l
}
