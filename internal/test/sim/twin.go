package sim

import (
	"context"
	"io"
	"iter"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
)

// In programs with a twin, a second repository lies on the same simulated target below a
// prefix, as if it was elsewhere. Packs and manifests are copied to it as they are, and back,
// while other actors write, prune and forget in both.

// twinPrefix is the prefix of the names of a twin's objects.
const twinPrefix = "twin/"

// A subTarget is the part of a target below a prefix.
type subTarget struct {
	target.Target
	prefix string
}

func (b subTarget) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	return b.Target.Put(ctx, b.prefix+name, body, size)
}

func (b subTarget) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	return b.Target.Get(ctx, b.prefix+name, off, n)
}

func (b subTarget) Stat(ctx context.Context, name string) (target.Info, error) {
	info, err := b.Target.Stat(ctx, b.prefix+name)
	info.Name = strings.TrimPrefix(info.Name, b.prefix)
	return info, err
}

func (b subTarget) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	return func(yield func(target.Info, error) bool) {
		for info, err := range b.Target.List(ctx, b.prefix+prefix) {
			info.Name = strings.TrimPrefix(info.Name, b.prefix)
			if !yield(info, err) {
				return
			}
		}
	}
}

func (b subTarget) Delete(ctx context.Context, name string) error {
	return b.Target.Delete(ctx, b.prefix+name)
}

// objectsBelow returns the objects below a prefix by their names there.
func objectsBelow(objects map[string][]byte, prefix string) map[string][]byte {
	out := map[string][]byte{}
	for name, b := range objects {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			out[rest] = b
		}
	}
	return out
}

// addTwin makes a twin without snapshots.
func (s *stage) addTwin(t testing.TB) *stage {
	t.Helper()
	s.prefixes = []string{"", twinPrefix}
	s.withRepo(t, s.mem, func(r *repo.Repo) error { return r.Maintenance().MakeTwin(t.Context(), subTarget{s.mem, twinPrefix}) })
	return s
}

// copyToTwin copies all snapshots to the twin and forgets them there.
func (s *stage) copyToTwin(t testing.TB) *stage {
	t.Helper()
	s.withRepo(t, s.mem, func(r *repo.Repo) error {
		to, err := repo.Open(t.Context(), subTarget{s.mem, twinPrefix}, s.key, repo.Options{CacheDir: s.cacheRoot, Rand: seeded("copied")})
		if err != nil {
			return err
		}
		defer to.Close()
		all, err := r.Snapshots(t.Context(), repo.Filter{})
		if err == nil {
			_, err = r.Copy(t.Context(), to, all, repo.CopyOptions{Workers: 1, Compression: repo.CompressionOff})
		}
		for _, m := range all {
			if err == nil {
				err = to.Forget(t.Context(), []snapshot.ID{m.ID})
			}
		}
		return err
	})
	return s
}

// atTwin lets an actor use the twin, where the names of packs and manifests are claimed.
func (a actor) atTwin() actor {
	a.prefix = twinPrefix
	a.footprint = append(a.footprint.under(twinPrefix), "put "+twinPrefix+"names/")
	return a
}

// copies copies all snapshots from one repository to the other, several times.
func copies(from, to string, times int) role {
	return func(ctx context.Context, a *actor) error {
		src, err := a.openAt(ctx, from)
		if err != nil {
			return err
		}
		defer src.Close()
		dst, err := a.openAt(ctx, to)
		if err != nil {
			return err
		}
		defer dst.Close()
		for range times {
			all, err := src.Snapshots(ctx, repo.Filter{})
			if err != nil {
				return err
			}
			_, err = src.Copy(ctx, dst, all, repo.CopyOptions{Workers: 1, Compression: repo.CompressionOff, Progress: func(p repo.CopyProgress) {
				if p.Copy != nil {
					a.report(publication{prefix: to, snapshot: p.Copy})
				}
			}})
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// copier is an actor that copies. Beside what a writer changes, it adds records of forgotten
// snapshots.
func copier(name, from, to string, times int) actor {
	changes := append(writing.under(to), "put "+to+"forgotten/", "put "+to+"names/", "put "+to+"marks/")
	return actor{name: name, role: copies(from, to, times), footprint: append(changes, leasing.under(from)...), mortal: true}
}
