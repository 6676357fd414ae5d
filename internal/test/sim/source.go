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

// simTree returns the tree of that name: each letter is a file, and each capital
// one in a directory of its own. An apostrophe behind it means that it is touched:
// it has another time and the same bytes. Each digit is a directory of so many bytes
// that most of them are stored before the next is read.
func simTree(name string) fstest.MapFS {
	files := fstest.MapFS{}
	var last *fstest.MapFile
	add := func(p string, data []byte, n rune) {
		// Older than any snapshot: what a parent has is not read again.
		last = &fstest.MapFile{Data: data, Mode: 0o644, ModTime: simEpoch.AddDate(-1, 0, int(n))}
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

var bulks sync.Map // by path, as making them takes longer than all else

// bulk returns an eighth of what a segment and a bit more hold.
func bulk(p string) []byte {
	if b, ok := bulks.Load(p); ok {
		return b.([]byte)
	}
	b := make([]byte, 300_000)
	_, _ = io.ReadFull(seeded(p), b)
	bulks.Store(p, b)
	return b
}

// A source is a tree that takes its time, and notes which of its files are opened.
type source struct {
	fstest.MapFS
	tree  string
	takes func(file string) time.Duration // to open it
	ctx   context.Context

	mu     *sync.Mutex
	opened map[string]bool
}

// atOnce is how long it takes where nothing takes long.
func atOnce(string) time.Duration { return 0 }

// eachTakes has each file that is in a directory take so long and up to half as much
// again, so that hardly two things happen at the same moment.
func eachTakes(d time.Duration, name string) func(string) time.Duration {
	drawn := rand.New(rand.NewChaCha8(sha256.Sum256([]byte(name))))
	return func(file string) time.Duration {
		if strings.Contains(file, "/") {
			return d + time.Duration(drawn.Int64N(int64(d/2)))
		}
		return 0
	}
}

func newSource(ctx context.Context, tree string, takes func(string) time.Duration) source {
	files := simTree(tree)
	// The root's stamp is newer, which settles those of the files. It has to be the root's:
	// one more directory would be a page that every snapshot shares, so that each writer
	// relied on the pack that has it, whatever it takes for granted of its parent.
	files["."] = &fstest.MapFile{Mode: fs.ModeDir | 0o755, ModTime: simEpoch.AddDate(0, -1, 0)}
	return source{MapFS: files, tree: tree, takes: takes, ctx: ctx, mu: new(sync.Mutex), opened: map[string]bool{}}
}

func (s source) Open(name string) (fs.File, error) {
	if s.MapFS[name] != nil {
		s.mu.Lock()
		s.opened[name] = true
		s.mu.Unlock()
		if takes := s.takes(name); takes > 0 {
			select {
			case <-time.After(takes):
			case <-s.ctx.Done():
				return nil, s.ctx.Err()
			}
		}
	}
	return s.MapFS.Open(name)
}

// notRead returns how many files were not opened though an older version, of which
// nothing may be known, doesn't have them as they are.
func (s source) notRead(older fstest.MapFS) (n int) {
	for p, f := range s.MapFS {
		if old := older[p]; !s.opened[p] && (old == nil || !old.ModTime.Equal(f.ModTime)) {
			n++
		}
	}
	return n
}

// takeSnapshot takes a snapshot of a tree, whose name it gets as a tag.
func takeSnapshot(ctx context.Context, r *repo.Repo, s source) (*snapshot.Manifest, error) {
	return r.Snapshot(ctx, repo.FS(s, "/x"), repo.SnapshotOptions{
		Hostname: "host", Tags: []string{s.tree}, Workers: 1, Compression: repo.CompressionOff,
	})
}
