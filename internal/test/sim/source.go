package sim

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"testing/fstest"
	"time"
	"unicode"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

// treeNamed returns the tree of that name: each letter is a file, and a capital letter one in
// a directory of its own. An apostrophe means that the file before it is touched: it has
// another time and the same bytes. A digit is a directory of so many bytes that most of them
// are stored before the next directory is read.
func treeNamed(name string) fstest.MapFS {
	files := fstest.MapFS{}
	var last *fstest.MapFile
	add := func(p string, data []byte, n rune) {
		// Older than any snapshot: what a parent has is not read again.
		last = &fstest.MapFile{Data: data, Mode: 0o644, ModTime: beginning.AddDate(-1, 0, int(n))}
		files[p] = last
	}
	for _, c := range name {
		p := string(c)
		if lower := strings.ToLower(p); lower != p {
			p = "dir-" + lower + "/" + p
		}
		switch {
		case c == '\'':
			last.ModTime = last.ModTime.Add(time.Hour)
		case unicode.IsDigit(c):
			for i := range 8 {
				p := fmt.Sprintf("dir-%c/%d", c, i)
				add(p, bulk(p), c)
			}
		default:
			add(p, []byte(strings.Repeat(p, 20)), c)
		}
	}
	return files
}

var bulks sync.Map // by path: making them takes longer than all else

// bulk returns the bytes of a file that is a bit larger than an eighth of a segment.
func bulk(p string) []byte {
	if b, ok := bulks.Load(p); ok {
		return b.([]byte)
	}
	b := make([]byte, 300_000)
	_, _ = io.ReadFull(seeded(p), b)
	bulks.Store(p, b)
	return b
}

// A source is a tree that may delay opening its files, and records which were opened.
type source struct {
	fstest.MapFS
	tree  string
	delay func(file string) time.Duration // before it opens
	ctx   context.Context

	mu     *sync.Mutex
	opened map[string]bool
}

// noDelay opens all files at once.
func noDelay(string) time.Duration { return 0 }

// slowly delays each file in a directory by up to one and a half times d, and at least d, so
// that two things rarely happen at the same moment.
func slowly(d time.Duration, name string) func(string) time.Duration {
	drawn := rand.New(rand.NewChaCha8(sha256.Sum256([]byte(name))))
	return func(file string) time.Duration {
		if strings.Contains(file, "/") {
			return d + time.Duration(drawn.Int64N(int64(d/2)))
		}
		return 0
	}
}

// newSource returns a source of the tree of that name.
func newSource(ctx context.Context, tree string, delay func(string) time.Duration) source {
	files := treeNamed(tree)
	// The root's stamp is newer, which settles those of the files. It has to be the root's:
	// another directory would be a page that every snapshot shares. Then each writer would
	// rely on the pack that holds it, whatever it reuses of its parent.
	files["."] = &fstest.MapFile{Mode: fs.ModeDir | 0o755, ModTime: beginning.AddDate(0, -1, 0)}
	return source{MapFS: files, tree: tree, delay: delay, ctx: ctx, mu: new(sync.Mutex), opened: map[string]bool{}}
}

func (s source) Open(name string) (fs.File, error) {
	if s.MapFS[name] != nil {
		s.mu.Lock()
		s.opened[name] = true
		s.mu.Unlock()
		if delay := s.delay(name); delay > 0 {
			select {
			case <-time.After(delay):
			case <-s.ctx.Done():
				return nil, s.ctx.Err()
			}
		}
	}
	return s.MapFS.Open(name)
}

// notRead returns how many files were not opened though an older version doesn't have them as
// they are.
func (s source) notRead(older fstest.MapFS) (n int) {
	for p, f := range s.MapFS {
		if old := older[p]; !s.opened[p] && (old == nil || !old.ModTime.Equal(f.ModTime)) {
			n++
		}
	}
	return n
}

// takeSnapshot takes a snapshot of a tree and tags it with the tree's name.
func takeSnapshot(ctx context.Context, r *repo.Repo, s source) (*snapshot.Manifest, error) {
	return takeLevel(ctx, r, s, snapshot.LevelIncremental)
}

func takeLevel(ctx context.Context, r *repo.Repo, s source, level snapshot.Level) (*snapshot.Manifest, error) {
	return r.Snapshot(ctx, repo.FromFS(s, "/x"), repo.SnapshotOptions{
		Level: level, Hostname: "host", Tags: []string{s.tree}, Workers: 1, Compression: repo.CompressionOff,
	})
}
