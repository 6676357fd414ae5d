package repo_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// A target fails for good half way through a first snapshot, as when a server goes
// away. What had arrived is not sent again: both runs together send what one would.
func TestAResumedSnapshotSendsNoPackAgain(t *testing.T) {
	files := fstest.MapFS{}
	for i := range 48 {
		name := fmt.Sprintf("d%d/f%02d", i/6, i)
		files[name] = &fstest.MapFile{Data: randomBytes(uint64(i), 500_000), Mode: 0o644, ModTime: time.Unix(6e8, 0)}
	}
	whole := sentOf(t, files, 0)
	if whole.err != nil {
		t.Fatal(whole.err)
	}
	for _, n := range []int{1, whole.packs / 2, whole.packs - 1} {
		t.Run(fmt.Sprintf("after %d of %d packs", n, whole.packs), func(t *testing.T) {
			got := sentOf(t, files, n)
			if got.err == nil || got.arrived < n {
				t.Fatalf("it fails with %v when %d packs have arrived", got.err, got.arrived)
			}
			// The files that follow the stored packs are packed again, and so cut
			// elsewhere: that is at most one pack, and the trees of files that were read
			// twice.
			if most := whole.bytes + 2<<20; got.bytes > most {
				t.Errorf("%d bytes of packs are sent, and %d in one go", got.bytes, whole.bytes)
			}
			if got.twice > 0 {
				t.Errorf("%d packs are sent twice", got.twice)
			}
		})
	}
}

// sent is what arrived of packs, in both runs.
type sent struct {
	packs, arrived int
	bytes          int64
	twice          int
	err            error // of the first run
}

// sentOf takes a snapshot of files on a target that fails for good after so many
// packs, unless that is zero, and then another.
func sentOf(t *testing.T, files fstest.MapFS, after int) sent {
	t.Helper()
	var mu sync.Mutex
	var got sent
	seen := map[string]bool{}
	gone := false
	decide := func(op targettest.Op) targettest.Fault {
		mu.Lock()
		defer mu.Unlock()
		if gone {
			return targettest.Fail
		}
		if op.Method != "put" || !strings.HasPrefix(op.Name, "packs/") {
			return targettest.None
		}
		if seen[op.Name] {
			got.twice++
		}
		seen[op.Name] = true
		got.packs++
		got.bytes += op.Size
		if gone = got.packs == after; gone {
			got.arrived = got.packs
		}
		return targettest.None
	}
	mem := &targettest.Memory{}
	key, ctx := testKey(t), context.Background()
	take := func(tgt target.Target, clock time.Duration) error {
		r, err := repo.Open(ctx, tgt, key, repo.Options{CacheDir: t.TempDir(), Now: func() time.Time { return time.Now().Add(clock) }})
		if err != nil {
			return err
		}
		defer r.Close()
		m, err := r.Snapshot(ctx, repo.FromFS(files, "/x"), repo.SnapshotOptions{Workers: 1})
		if err == nil {
			sameTree(t, r, m, files)
		}
		return err
	}
	r, err := repo.Init(ctx, mem, key, crashInit(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	got.err = take(&targettest.Faulty{Memory: mem, Decide: decide}, 0)
	if got.err == nil {
		return got
	}
	gone, after = false, 0
	if err := take(&targettest.Faulty{Memory: mem, Decide: decide}, time.Hour); err != nil {
		t.Fatal(err)
	}
	return got
}
