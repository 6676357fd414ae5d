package repo_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/internal/pagecache"
	"github.com/qsnap/qsnap/repo"
)

// cached reports whether the system has some of a file in memory.
func cached(t *testing.T, path string) bool {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return pagecache.Holds(f.Fd(), 0, info.Size())
}

// writeCold writes a file of random bytes, and drops it from memory. It skips the test where
// the file system is in memory.
func writeCold(t *testing.T, path string, size int) {
	t.Helper()
	b := make([]byte, size)
	rand.NewChaCha8([32]byte{byte(len(path)), path[len(path)-1]}).Read(b)
	f, err := os.Create(path)
	if err == nil {
		_, err = f.Write(b)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		t.Fatal(err)
	}
	pagecache.Drop(f.Fd(), 0, 0)
	f.Close()
	if cached(t, path) {
		t.Skip("the file system keeps its files in memory")
	}
}

// snapshotOfColdFiles takes a snapshot of cold files and of warm ones, and returns which files
// are in memory afterwards: of the source, and of the repository's packs.
func snapshotOfColdFiles(t *testing.T, spare bool) (source map[string]bool, packs, packsCached int) {
	t.Helper()
	tree, store := t.TempDir(), t.TempDir()
	r, err := repo.Init(t.Context(), localTargetIn(t, store), testKey(t), repo.InitOptions{Options: repo.Options{CacheDir: t.TempDir(), SpareCache: spare}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for n := range 3 {
		writeCold(t, filepath.Join(tree, fmt.Sprint("cold-small-", n)), 100<<10)
		writeCold(t, filepath.Join(tree, fmt.Sprint("warm-small-", n)), 100<<10)
	}
	writeCold(t, filepath.Join(tree, "cold-large"), 50<<20)
	writeCold(t, filepath.Join(tree, "warm-large"), 20<<20)
	warm, _ := filepath.Glob(filepath.Join(tree, "warm-*"))
	for _, path := range warm {
		if _, err := os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Snapshot(t.Context(), repo.Paths(tree), repo.SnapshotOptions{}); err != nil {
		t.Fatal(err)
	}
	source = map[string]bool{}
	all, _ := filepath.Glob(filepath.Join(tree, "*"))
	for _, path := range all {
		source[filepath.Base(path)] = cached(t, path)
	}
	err = filepath.WalkDir(store, func(path string, d fs.DirEntry, err error) error {
		if info, e := d.Info(); err == nil && e == nil && info.Size() > 1<<20 {
			packs++
			if cached(t, path) {
				packsCached++
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return source, packs, packsCached
}

func TestASnapshotLeavesThePageCacheAsItWasIfThatIsWanted(t *testing.T) {
	source, packs, packsCached := snapshotOfColdFiles(t, true)
	for name, is := range source {
		if was := strings.HasPrefix(name, "warm"); is != was {
			t.Errorf("%s was in memory before: %v, and afterwards: %v", name, was, is)
		}
	}
	if packs == 0 || packsCached > 0 {
		t.Errorf("of %d packs, %d are in memory", packs, packsCached)
	}
	source, packs, packsCached = snapshotOfColdFiles(t, false)
	for name, is := range source {
		if !is {
			t.Errorf("%s is not in memory after a snapshot that doesn't care", name)
		}
	}
	if packsCached < packs {
		t.Errorf("of %d packs, only %d are in memory after a snapshot that doesn't care", packs, packsCached)
	}
}
