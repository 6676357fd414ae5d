//go:build scale && linux

package scale

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo"
)

// TestTheIndexOfTenMillionBlobsIsMadeAnew loses the local index and the deltas that it is
// made from. To make these takes reading the footers of all packs, and a look whether
// all that a snapshot needs is there.
func TestTheIndexOfTenMillionBlobsIsMadeAnew(t *testing.T) {
	const dirs, each = 1000, 10_000
	p := newProgram(t)
	r := p.open(t, p.files(t), repo.Options{})
	start, began := time.Now(), processorTime()
	m, err := r.Snapshot(t.Context(), repo.FromFS(numbered{dirs, each}, "/numbered"), repo.SnapshotOptions{Compression: repo.CompressionFastest})
	if err == nil {
		err = r.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if m.Stats.DataBlobs != dirs*each {
		t.Fatalf("%d blobs were stored", m.Stats.DataBlobs)
	}
	t.Logf("made %d blobs in %v, %v of processors", m.Stats.DataBlobs, time.Since(start), processorTime()-began)

	p.dropCache(t)
	if err := os.RemoveAll(filepath.Join(p.repo, "index")); err != nil {
		t.Fatal(err)
	}
	rebuilt(t, "deltas from packs", p.run(t, "repair", "index"))
	p.dropCache(t)
	rebuilt(t, "one file, without a local index", p.run(t, "cat", "latest:00765/04321"))
}

// rebuildLimit is of the time on the clock. A busy machine makes that longer, a second
// processor makes what both did longer: one of them has to keep it.
const rebuildLimit = 60 * time.Second

// rebuilt logs what a step took, and fails the test if that exceeds its limits. The
// index is a file that is mapped, and takes memory only as long as nothing else does.
func rebuilt(t *testing.T, what string, used usage) {
	t.Helper()
	t.Logf("%-32s %v, %v of processors, %d MiB resident, %d anonymous", what+":", used.clock, used.processor, used.memory>>20, used.anonymous>>20)
	atMost(t, what+": time", min(used.clock, used.processor), rebuildLimit)
	atMost(t, what+": MiB of anonymous memory", used.anonymous>>20, most)
}
