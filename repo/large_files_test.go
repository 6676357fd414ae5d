package repo_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/qsnap/qsnap/repo"
)

// A large file whose older version is followed, and which several workers cut, is cut
// where a new one is: nothing is stored twice. And it comes back.
func TestAChangedLargeFileIsCutAsANewOne(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 2))
	data := randomBytes(1, 12<<20)
	clear(data[3<<20 : 5<<20])
	copy(data[6<<20:], data[:1<<20])
	f, dir := newFixture(t), t.TempDir()
	write := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(path, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for round := range 6 {
		f.snapshot(repo.Paths(write("changed")), repo.SnapshotOptions{Workers: 4})
		name := fmt.Sprint("new", round)
		m := f.snapshot(repo.Paths(write(name)), repo.SnapshotOptions{Workers: 1 + round%4})
		if m.Stats.DataBlobs != 0 {
			t.Errorf("round %d: %d chunks are none of the changed file's", round, m.Stats.DataBlobs)
		}
		out := filepath.Join(t.TempDir(), "out")
		f.restore(m, repo.RestoreOptions{To: out})
		if got, err := os.ReadFile(filepath.Join(out, name)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("round %d: %d bytes came back, %v; want %d", round, len(got), err, len(data))
		}
		for range 1 + random.IntN(4) {
			at := random.IntN(len(data) - 300_000)
			switch fresh := randomBytes(random.Uint64(), random.IntN(300_000)); random.IntN(3) {
			case 0:
				data = slices.Insert(data, at, fresh...)
			case 1:
				data = slices.Delete(data, at, at+len(fresh))
			case 2:
				copy(data[at:], fresh)
			}
		}
	}
}
