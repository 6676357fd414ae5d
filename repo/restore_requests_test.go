package repo

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

// Whether packs are there is asked of each, until that has taken as many requests as a
// listing: one for each page, or for each directory. Where nothing is replaced or deleted it
// isn't asked at all.
func TestWhatARestoreAsksOfPacksBeforeItReplacesAnything(t *testing.T) {
	for _, c := range []struct {
		packs, page, stats, lists int
		live                      bool
	}{
		{3, 0, 0, 0, false}, {3, 0, 3, 0, true}, {20, 0, 20, 0, true}, // each is in a directory of its own
		{3, 1000, 0, 0, false}, {1, 1000, 1, 0, true}, {3, 1000, 1, 1, true}, {20, 1000, 1, 1, true},
		{20, 10, 4, 1, true}, {3, 10, 1, 1, true}, // packs of trees count, too
	} {
		counted := newCounted(t)
		counted.log.page = c.page
		cache := t.TempDir()
		tree := fstest.MapFS{}
		out := filepath.Join(t.TempDir(), "out")
		for i := range c.packs {
			name := fmt.Sprintf("f%02d", i)
			tree[name] = &fstest.MapFile{Data: fmt.Appendf(nil, "file %d", i), Mode: 0o644}
			counted.open(cache, func(r *Repo) error {
				_, err := r.Snapshot(t.Context(), FromFS(tree, "/x"), SnapshotOptions{})
				return err
			})
			if c.live {
				if err := os.MkdirAll(out, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(out, name), []byte("live"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		got := counted.open(cache, func(r *Repo) error {
			all, err := r.Snapshots(t.Context(), Filter{Last: 1})
			if err != nil {
				return err
			}
			report, err := r.Restore(t.Context(), all[0], RestoreOptions{To: out, NoSync: true})
			if int(report.Packs) != c.packs {
				t.Errorf("%d packs are read, want %d", report.Packs, c.packs)
			}
			return err
		})
		if got["stat packs/"] != c.stats || got["list packs/"] != c.lists {
			t.Errorf("%+v: %d stats, %d listings", c, got["stat packs/"], got["list packs/"])
		}
	}
}
