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
	making := processorTime() - began
	t.Logf("made %d blobs in %v, %v of processors", m.Stats.DataBlobs, time.Since(start), making)

	p.dropCache(t)
	if err := os.RemoveAll(filepath.Join(p.repo, "index")); err != nil {
		t.Fatal(err)
	}
	rebuilt(t, "deltas from packs", p.run(t, "repair", "index"), making)
	p.dropCache(t)
	rebuilt(t, "one file, without a local index", p.run(t, "cat", "latest:00765/04321"), making)
}

// rebuildLimit is of the processors' time, of which making the blobs took one in the same
// run. How long that is depends on the machine and on what else it does.
const rebuildLimit = 1.25

// rebuilt logs what a step took, and fails the test if that exceeds its limits. The
// index is a file that is mapped, and takes memory only as long as nothing else does.
func rebuilt(t *testing.T, what string, used usage, making time.Duration) {
	t.Helper()
	t.Logf("%-32s %v, %v of processors, %d MiB resident, %d anonymous", what+":", used.clock, used.processor, used.memory>>20, used.anonymous>>20)
	atMost(t, what+": time of processors, against that of making the blobs", used.processor.Seconds()/making.Seconds(), rebuildLimit)
	atMost(t, what+": MiB of anonymous memory", used.anonymous>>20, most)
}
