package sim

import (
	"context"
	"io"
	"iter"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target"
)

// In programs with a twin there is a second repository on the same simulated target: below
// a prefix, as if it was elsewhere. Packs and manifests are copied to it as they are, and
// back, while in both others write, prune and forget.

// twinPrefix is what the names of a twin's objects begin with.
const twinPrefix = "twin/"

// A below is a part of a target: what is there below a prefix.
type below struct {
	target.Target
	prefix string
}

func (b below) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	return b.Target.Put(ctx, b.prefix+name, body, size)
}

func (b below) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	return b.Target.Get(ctx, b.prefix+name, off, n)
}

func (b below) Stat(ctx context.Context, name string) (target.Info, error) {
	info, err := b.Target.Stat(ctx, b.prefix+name)
	info.Name = strings.TrimPrefix(info.Name, b.prefix)
	return info, err
}

func (b below) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	return func(yield func(target.Info, error) bool) {
		for info, err := range b.Target.List(ctx, b.prefix+prefix) {
			info.Name = strings.TrimPrefix(info.Name, b.prefix)
			if !yield(info, err) {
				return
			}
		}
	}
}

func (b below) Delete(ctx context.Context, name string) error {
	return b.Target.Delete(ctx, b.prefix+name)
}

// part returns the objects below a prefix, by their names there.
func part(objects map[string][]byte, prefix string) map[string][]byte {
	out := map[string][]byte{}
	for name, b := range objects {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			out[rest] = b
		}
	}
	return out
}

// twin makes a twin that has no snapshots yet.
func (s *stage) twin(t testing.TB) *stage {
	t.Helper()
	s.parts = []string{"", twinPrefix}
	s.use(t, s.mem, func(r *repo.Repo) error { return r.Twin(t.Context(), below{s.mem, twinPrefix}) })
	return s
}

// copied copies all to the twin, and forgets it there.
func (s *stage) copied(t testing.TB) *stage {
	t.Helper()
	s.use(t, s.mem, func(r *repo.Repo) error {
		to, err := repo.Open(t.Context(), below{s.mem, twinPrefix}, s.key, repo.Options{CacheDir: s.caches, Rand: seeded("copied")})
		if err != nil {
			return err
		}
		defer to.Close()
		all, err := r.Snapshots(t.Context(), repo.Select{})
		if err == nil {
			_, err = r.Copy(t.Context(), to, all, repo.CopyOptions{Workers: 1, Compression: repo.CompressionOff})
		}
		for _, m := range all {
			if err == nil {
				err = to.Forget(t.Context(), m.ID)
			}
		}
		return err
	})
	return s
}

// atTwin has an actor be at work in the twin. There the names of packs and manifests
// are claimed.
func (a actor) atTwin() actor {
	a.at = twinPrefix
	a.may = append(a.may.below(twinPrefix), "put "+twinPrefix+"names/")
	return a
}

// copies copies all snapshots from one repository to the other, some times over.
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
			all, err := src.Snapshots(ctx, repo.Select{})
			if err != nil {
				return err
			}
			_, err = src.Copy(ctx, dst, all, repo.CopyOptions{Workers: 1, Compression: repo.CompressionOff, Progress: func(p repo.CopyProgress) {
				if p.Copy != nil {
					a.tell(news{at: to, snapshot: p.Copy})
				}
			}})
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// copier has the footprint of who writes there, and adds records of what was forgotten.
func copier(name, from, to string, times int) actor {
	may := append(writing.below(to), "put "+to+"forgotten/", "put "+to+"names/", "put "+to+"marks/")
	return actor{name: name, role: copies(from, to, times), may: append(may, leasing.below(from)...), mortal: true}
}
