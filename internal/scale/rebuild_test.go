//go:build scale && linux

package scale

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo"
)

// TestTheIndexOfTenMillionBlobsIsMadeAnew loses the local index, and then the deltas
// that it is made from. Of the second the time is that of reading the footers of all
// packs, storing deltas, and looking whether all that a snapshot needs is there.
func TestTheIndexOfTenMillionBlobsIsMadeAnew(t *testing.T) {
	const dirs, each = 1000, 10_000
	p := newProgram(t)
	r := p.open(t, p.files(t), repo.Options{})
	start := time.Now()
	m, err := r.Snapshot(t.Context(), repo.FS(numbered{dirs, each}, "/numbered"), repo.SnapshotOptions{Compression: repo.CompressionFastest})
	if err == nil {
		err = r.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if m.Stats.DataBlobs != dirs*each {
		t.Fatalf("%d blobs were stored", m.Stats.DataBlobs)
	}
	t.Logf("made %d blobs in %v", m.Stats.DataBlobs, time.Since(start))

	one := []string{"cat", "latest:00765/04321"}
	p.dropCache(t)
	rebuilt(t, "one file, without a local index", p.run(t, one...), 60*time.Second)
	p.dropCache(t)
	if err := os.RemoveAll(filepath.Join(p.repo, "index")); err != nil {
		t.Fatal(err)
	}
	rebuilt(t, "an index from packs alone", p.run(t, "repair", "index"), 60*time.Second)
	rebuilt(t, "one file, with the index", p.run(t, one...), time.Second)
}

// rebuilt logs what a step took, and fails the test if that exceeds its limits. The
// index is a file that is mapped, and takes memory only as long as nothing else does.
func rebuilt(t *testing.T, what string, used usage, limit time.Duration) {
	t.Helper()
	t.Logf("%-32s %v, %v of processors, %d MiB resident, %d anonymous", what+":", used.clock, used.processor, used.memory>>20, used.anonymous>>20)
	atMost(t, what+": processor time", used.processor, limit)
	atMost(t, what+": MiB of anonymous memory", used.anonymous>>20, most)
}
