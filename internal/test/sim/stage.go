package sim

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// A stage is what every run of a program begins with: a repository on a target in memory. It
// is the same in every process.
type stage struct {
	mem       *targettest.Memory
	key       repo.Secret
	ring      *seal.Keyring
	id        [seal.KeySize]byte
	published map[string]bool // manifests
	prefixes  []string        // of the repositories: one, or two with a twin
	cacheRoot string          // the directory of the actors' caches
	openings  int             // so far; each has its own randomness
	salt      string          // of that randomness
	sum       digest          // of all objects, or zero until it is asked for
}

// beginning is when stages are made, and when every bubble begins.
var beginning = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// newStage makes a repository with a snapshot of each tree in turn. Its packs and chunks
// are so small that a tree of a few files fills several.
func newStage(t testing.TB, trees ...string) *stage {
	t.Helper()
	s := &stage{mem: &targettest.Memory{}, published: map[string]bool{}, prefixes: []string{""}, cacheRoot: fastDir(t)}
	text, err := seal.NewKeyFile(seeded("key"))
	if err != nil {
		t.Fatal(err)
	}
	if s.key, err = repo.ParseKey(text); err != nil {
		t.Fatal(err)
	}
	r, err := repo.Init(t.Context(), s.mem, s.key, repo.InitOptions{
		Options:  repo.Options{CacheDir: s.cacheRoot, Rand: seeded("init"), Now: func() time.Time { return beginning }},
		PackSize: 1 << 20,
		Chunks:   chunk.Params{Polynomial: 0x3DA3358B4DC173, Min: 16 << 10, Max: 128 << 10, Bits: 15, Whole: 64 << 10},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.readSecrets(t, r)
	for _, tree := range trees {
		s.publish(t, s.mem, tree)
	}
	return s
}

// readSecrets learns the keys that are needed to read the repository without package repo.
func (s *stage) readSecrets(t testing.TB, r *repo.Repo) {
	t.Helper()
	sheet, err := r.Keys().RecoverySheet()
	if err != nil {
		t.Fatal(err)
	}
	secret, err := seal.ParseSecret([]byte(sheet))
	if err != nil {
		t.Fatal(err)
	}
	s.ring, _ = secret.Recovered()
	if _, err := hex.Decode(s.id[:], []byte(r.ID())); err != nil {
		t.Fatal(err)
	}
}

// salted changes the names of all objects that are stored from now on.
func (s *stage) salted(salt string) *stage {
	s.salt = salt
	return s
}

// withRepo opens the repository while no actor uses it.
func (s *stage) withRepo(t testing.TB, mem *targettest.Memory, do func(r *repo.Repo) error) {
	t.Helper()
	s.openings++
	o := repo.Options{CacheDir: s.cacheRoot, Rand: seeded(fmt.Sprint("stage ", s.openings, " ", s.salt)), Now: func() time.Time { return beginning }}
	r, err := repo.Open(t.Context(), mem, s.key, o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := do(r); err != nil {
		t.Fatal(err)
	}
}

// publish takes a snapshot.
func (s *stage) publish(t testing.TB, mem *targettest.Memory, tree string) {
	t.Helper()
	s.withRepo(t, mem, func(r *repo.Repo) error {
		m, err := takeSnapshot(t.Context(), r, newSource(t.Context(), tree, noDelay))
		if err == nil {
			s.published["snapshots/"+m.ID.String()] = true
		}
		return err
	})
}

// publishConcurrently takes snapshots each of which doesn't see the others, as writers at the
// same time do: what they have in common is stored several times.
func (s *stage) publishConcurrently(t testing.TB, trees ...string) *stage {
	t.Helper()
	before := s.mem.Clone()
	for _, tree := range trees {
		mem := before.Clone()
		s.publish(t, mem, tree)
		for name, b := range mem.Objects() {
			s.mem.Set(name, b)
		}
	}
	return s
}

// forget forgets the snapshots of some trees.
func (s *stage) forget(t testing.TB, trees ...string) *stage {
	t.Helper()
	s.withRepo(t, s.mem, func(r *repo.Repo) error {
		all, err := r.Snapshots(t.Context(), repo.Filter{})
		for _, m := range all {
			if err == nil && slices.Contains(trees, m.Tags[0]) {
				delete(s.published, "snapshots/"+m.ID.String())
				err = r.Forget(t.Context(), []snapshot.ID{m.ID})
			}
		}
		return err
	})
	return s
}

// leavePending leaves a pending manifest of each snapshot, as runs do that die right after
// they have published it.
func (s *stage) leavePending() *stage {
	for name, b := range s.mem.Objects() {
		if id, ok := strings.CutPrefix(name, "snapshots/"); ok {
			s.mem.Set("pending/"+id, b)
		}
	}
	return s
}

// digest identifies the set of objects. The stage must be complete.
func (s *stage) digest() digest {
	if s.sum == (digest{}) {
		for name, b := range s.mem.Objects() {
			s.sum.xor(objectDigest(name, b))
		}
	}
	return s.sum
}

// fastDir returns a temporary directory, in memory if there is a file system for that.
func fastDir(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "qsnap-sim-*")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// cacheDir returns a cache directory for an actor. It uses that of an earlier run again if
// nothing was left in it, because that is as good as new and much faster.
func (s *stage) cacheDir(actor string, emptied int) (string, error) {
	dir := filepath.Join(s.cacheRoot, fmt.Sprint(actor, " ", emptied))
	own, err := filepath.Glob(filepath.Join(dir, hex.EncodeToString(s.id[:16])+"*")) // a twin's has a suffix
	if err != nil {
		return dir, err
	}
	for _, left := range own {
		own = append(own, filepath.Join(left, "index"))
	}
	for _, left := range own {
		entries, err := os.ReadDir(left)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return dir, err
		}
		if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() != "index" }) {
			return dir, os.RemoveAll(dir)
		}
	}
	return dir, nil
}
