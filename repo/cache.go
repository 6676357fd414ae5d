package repo

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/cache"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
)

// What was read from afar, or stored there, is kept in the local cache as long as
// there is room: manifests, index deltas and segments of trees, as they are on the
// target, sealed.
//
// The cache answers what the bytes of an object are, never whether it is there. Which
// snapshots, deltas and packs there are is asked of the target whenever it matters,
// and so is all that deleting goes by: whoever deletes, checks or repairs reads
// everything from the target (see fresh). A manifest is looked for only under a name
// that was listed just now, a segment only in a pack that such a delta lists.
//
// Objects are known by the hashes they are named by, a segment by its seal, which
// binds it to its pack and its place there. What isn't right is dropped and fetched.

// defaultCacheSize bounds the cache.
const defaultCacheSize = 512 << 20

// isFar reports whether the target is worth a cache, and more requests at once than
// there are processors. What can be staged on is a file system here.
func isFar(t target.Target) bool {
	_, near := target.As[target.Stager](t)
	return !near
}

// atOnce returns how many of n small objects to read at the same time.
func (r *Repo) atOnce(n int) int {
	if !r.far {
		return 1
	}
	return max(1, min(n/4, mostAtOnce))
}

// Bounds on the requests for small objects that are under way, and on their bytes.
const (
	mostAtOnce      = 16
	mostBytesAtOnce = 16 << 20
)

// fetchDeltas has the deltas that an index doesn't know in the cache, where there is
// one: many at a time are fetched far sooner than one after another. What can't be
// read is left to who uses it.
func (r *Repo) fetchDeltas(ctx context.Context, x *index.Index, listed []index.ID, sizes map[index.ID]int64) error {
	if r.objects == nil {
		return nil
	}
	unknown, err := x.Missing(listed)
	if err != nil || r.atOnce(len(unknown)) < 2 {
		return err
	}
	room := semaphore.NewWeighted(mostBytesAtOnce)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.atOnce(len(unknown)))
	for _, id := range unknown {
		g.Go(func() error {
			size := min(sizes[id], mostBytesAtOnce)
			if err := room.Acquire(ctx, size); err != nil {
				return err
			}
			defer room.Release(size)
			_, _ = r.readObject(ctx, deltaName(id), id, maxDelta)
			return ctx.Err()
		})
	}
	return g.Wait()
}

// openObjects opens the cache, if there is to be one.
func (r *Repo) openObjects() {
	dir, err := r.cacheDir()
	if err != nil || r.opts.CacheSize < 0 || !r.far {
		return
	}
	r.objects = cache.Open(filepath.Join(dir, "objects"), r.opts.CacheSize)
}

// cacheName returns the name in the cache of an object on the target.
func cacheName(name string) string { return strings.ReplaceAll(name, "/", "-") }

// segmentName returns the name in the cache of a segment.
func segmentName(id pack.ID, n int) string {
	return cacheName(packsPrefix) + id.String() + "-" + strconv.Itoa(n)
}

// cachedObject returns an object that is named by the hash of its bytes.
func (r *Repo) cachedObject(name string, hash [32]byte) ([]byte, bool) {
	return r.objects.Get(cacheName(name), func(b []byte) error {
		if blake3.Sum256(b) != hash {
			return errHash
		}
		return nil
	})
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
	object, ok := r.cachedObject(snapshotName(l.id), l.id)
	if !ok || int64(len(object)) != l.size {
		return nil
	}
	body, err := r.box.Open(seal.Manifest, object)
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

// cachedSegment returns a segment of trees, plain.
func (r *Repo) cachedSegment(p *pack.Info, n int) (plain []byte, ok bool) {
	_, ok = r.objects.Get(segmentName(p.ID, n), func(sealed []byte) (err error) {
		if len(sealed) != p.Segments[n].Stored {
			return errHash
		}
		plain, err = r.openSegment(p, n, sealed, make([]byte, 0, p.Segments[n].Plain))
		return err
	})
	return plain, ok
}

// keepTrees keeps the segments of a pack that was stored, if they are of trees: the
// next snapshot of the same source reads some of them.
func (s *session) keepTrees(info *pack.Info, from spool) {
	if s.r.objects == nil || !info.IsTree() {
		return
	}
	for n, segment := range info.Segments {
		b := make([]byte, segment.Stored)
		if _, err := from.ReadAt(b, segment.Offset); err != nil {
			return // they are fetched
		}
		s.r.objects.Put(segmentName(info.ID, n), b)
	}
}

// keepManifest keeps a manifest that was published or read.
func (r *Repo) keepManifest(m *snapshot.Manifest, object []byte) {
	r.manifests.put(m, int64(len(object)))
	r.objects.Put(cacheName(snapshotName(m.ID)), object)
}
