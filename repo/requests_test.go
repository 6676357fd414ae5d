package repo

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// A requestLog counts requests by their methods and the first elements of names.
type requestLog struct {
	target.Target
	page int // of listings, or 0
	mu   sync.Mutex
	n    map[string]int
}

// Page is part of target.Pager.
func (l *requestLog) Page() int { return l.page }

func (l *requestLog) note(method, name string) {
	dir, _, below := strings.Cut(name, "/")
	if below {
		dir += "/"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.n == nil {
		l.n = map[string]int{}
	}
	l.n[method+" "+dir]++
}

// taken returns the counts since it was called last.
func (l *requestLog) taken() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() { l.n = nil }()
	return l.n
}

func (l *requestLog) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	l.note("put", name)
	return l.Target.Put(ctx, name, body, size)
}

func (l *requestLog) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	l.note("get", name)
	return l.Target.Get(ctx, name, off, n)
}

func (l *requestLog) Stat(ctx context.Context, name string) (target.Info, error) {
	l.note("stat", name)
	return l.Target.Stat(ctx, name)
}

func (l *requestLog) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	l.note("list", prefix)
	return l.Target.List(ctx, prefix)
}

func (l *requestLog) Delete(ctx context.Context, name string) error {
	l.note("delete", name)
	return l.Target.Delete(ctx, name)
}

// A counted is a repository whose requests are counted.
type counted struct {
	t   *testing.T
	log *requestLog
	key Secret
}

func newCounted(t *testing.T) *counted {
	t.Helper()
	text, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	c := &counted{t, &requestLog{Target: &targettest.Memory{}}, key}
	r, err := Init(t.Context(), c.log, key, InitOptions{Options: Options{CacheDir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return c
}

// open does something with the repository, as a process of its own would, and returns
// what it asked of the target.
func (c *counted) open(cache string, do func(r *Repo) error) map[string]int {
	c.t.Helper()
	c.log.taken()
	r, err := Open(c.t.Context(), c.log, c.key, Options{CacheDir: cache})
	if err == nil {
		err = do(r)
	}
	if err == nil {
		err = r.Close()
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return c.log.taken()
}

// wants fails the test unless what was asked is this.
func wants(t *testing.T, what string, got map[string]int, want ...map[string]int) {
	t.Helper()
	sum := map[string]int{}
	for _, m := range want {
		for k, n := range m {
			sum[k] += n
		}
	}
	if !maps.Equal(got, sum) {
		for _, k := range slices.Sorted(maps.Keys(got)) {
			t.Logf("%4d %s", got[k], k)
		}
		t.Errorf("%s: %d requests, want %v", what, total(got), sum)
	}
}

func total(counts map[string]int) (n int) {
	for _, k := range counts {
		n += k
	}
	return n
}

var (
	// The config, whether it is a twin or a replica, which keys there are, and that which fits.
	opening = map[string]int{"get config": 1, "get twin": 1, "get replica": 1, "list keys/": 1, "get keys/": 1}
	// aSnapshot has the requests of a snapshot, except those for its packs.
	aSnapshot = map[string]int{
		"list snapshots/":  1, // which is the newest?
		"stat epochs/":     1, // has somebody rotated the key?
		"put leases/":      1, // prunes wait for it
		"list quarantine/": 2, // before the index is used, and again once the manifest is pending
		"list index/":      1, // what has been stored since?
		"list losses/":     1, // is anything to be stored again?
		"list leases/":     1, // was one like it interrupted?
		"put pending/":     1, // it protects what the manifest reaches from prunes
		"get snapshots/":   1, // does the parent, which vouches for its packs, still exist?
		"put snapshots/":   1, // the commit
		"delete pending/":  1,
		"delete leases/":   1,
	}
	aRead = map[string]int{"list snapshots/": 1, "list marks/": 1, "list index/": 1}
)

// versions is how many snapshots an hourly job keeps.
const versions = 72

// old is before all snapshots, so that files of that time need no second look.
var old = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

func tree(n int) fstest.MapFS {
	files := fstest.MapFS{}
	for d := range 10 {
		for f := range 10 {
			name := fmt.Sprintf("d%d/f%d", d, f)
			files[name] = &fstest.MapFile{Data: []byte(name), Mode: 0o644, ModTime: old}
		}
	}
	files["d3/changes"] = &fstest.MapFile{Data: fmt.Append(nil, n), Mode: 0o644, ModTime: old.Add(time.Duration(n) * time.Hour)}
	// The directory's stamp shows that the clock has gone on, so the file's is settled.
	files["d3"] = &fstest.MapFile{Mode: fs.ModeDir | 0o755, ModTime: old.Add(time.Duration(n)*time.Hour + time.Minute)}
	return files
}

func takeVersion(ctx context.Context, n int) func(r *Repo) error {
	return func(r *Repo) error {
		_, err := r.Snapshot(ctx, FromFS(tree(n), "/app"), SnapshotOptions{Hostname: "h", Workers: 1})
		return err
	}
}

func TestWhatAnHourlyJobAsksOfItsTarget(t *testing.T) {
	c := newCounted(t)
	warm, ctx := t.TempDir(), t.Context()
	nothing := func(*Repo) error { return nil }
	for n := range versions {
		c.open(warm, takeVersion(ctx, n))
	}
	wants(t, "open", c.open(warm, nothing), opening)
	wants(t, "an unchanged snapshot", c.open(warm, takeVersion(ctx, versions-1)), opening, aSnapshot)
	wants(t, "a snapshot of one changed file", c.open(warm, takeVersion(ctx, versions)), opening, aSnapshot,
		map[string]int{"put packs/": 2, "put index/": 1, "stat packs/": 2}) // what was stored just now is looked at as well

	list := func(r *Repo) error { _, err := r.Snapshots(ctx, Filter{}); return err }
	wants(t, "a list of snapshots", c.open(warm, list), opening, map[string]int{"list snapshots/": 1, "list marks/": 1})

	// Another computer's first look reads each small object once, and no more.
	cold := t.TempDir()
	manifests, deltas := versions+2, versions+1
	wants(t, "a list of snapshots, without a cache", c.open(cold, list), opening,
		map[string]int{"list snapshots/": 1, "list marks/": 1, "get snapshots/": manifests})
	cold = t.TempDir()
	got := c.open(cold, takeVersion(ctx, versions))
	if trees := got["get packs/"]; trees < 1 || trees > 4 {
		t.Errorf("%d segments of trees are read for an unchanged snapshot", trees)
	}
	delete(got, "get packs/")
	wants(t, "an unchanged snapshot, without a cache", got, opening, aSnapshot,
		map[string]int{"get snapshots/": manifests, "get index/": deltas})
}

// fill stores so many packs, with a small chunk in each, and a snapshot of files that
// have them.
func (c *counted) fill(packs int) {
	t := c.t
	t.Helper()
	files := fstest.MapFS{}
	c.open(t.TempDir(), func(r *Repo) error {
		s, _, err := write.Begin(t.Context(), r.e, runs.Writing, runs.Record{What: "snapshot"}, pack.Off, 1)
		if err != nil {
			return err
		}
		defer s.Close()
		l := s.ChunkWriter()
		for i := range packs {
			name := fmt.Sprintf("%03d/%05d", i%100, i)
			files[name] = &fstest.MapFile{Data: []byte(name), Mode: 0o644, ModTime: old}
			if _, err := l.Put(t.Context(), []byte(name)); err != nil {
				return err
			}
			if err := l.Flush(t.Context()); err != nil {
				return err
			}
			if err := s.CutData(t.Context()); err != nil {
				return err
			}
		}
		return s.Flush()
	})
	c.open(t.TempDir(), func(r *Repo) error {
		_, err := r.Snapshot(t.Context(), FromFS(files, "/app"), SnapshotOptions{Hostname: "h", Workers: 1})
		return err
	})
}

func TestOneFileOfTenThousandPacksTakesAHandfulOfRequests(t *testing.T) {
	c := newCounted(t)
	c.fill(10_000)
	restore := func(r *Repo) error {
		m, err := r.Latest(t.Context(), Filter{})
		if err != nil {
			return err
		}
		report, err := r.Restore(t.Context(), m, RestoreOptions{To: t.TempDir(), Path: "042/04242", NoSync: true})
		if err == nil && report.BytesWritten != 9 {
			err = fmt.Errorf("%d bytes were restored", report.BytesWritten)
		}
		return err
	}
	cache := t.TempDir()
	got := c.open(cache, restore)
	listed := got["get index/"]
	delete(got, "get index/")
	t.Logf("%d requests beside %d index deltas", total(got), listed)
	wants(t, "without a cache", got, opening, aRead, map[string]int{"get snapshots/": 1, "get packs/": 3})
	wants(t, "with a cache", c.open(cache, restore), opening, aRead, map[string]int{"get packs/": 1})

	// A prune gathers the deltas, so that they are few for who has no cache.
	c.open(t.TempDir(), func(r *Repo) error {
		_, err := r.Prune(t.Context(), PruneOptions{MaxRepack: new(int64(1))})
		return err
	})
	got = c.open(t.TempDir(), restore)
	if got["get index/"] > 8 {
		t.Errorf("%d index deltas are read after a prune", got["get index/"])
	}
	if total(got) > 24 {
		t.Errorf("%d requests without a cache: %v", total(got), got)
	}
}
