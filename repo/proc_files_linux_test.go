package repo_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/qsnap/qsnap/repo"
)

// What /proc makes when it is read is a plain file in a snapshot, and restored as one.
func TestFilesOfProcAreRestoredWithWhatWasReadOfThem(t *testing.T) {
	f := newFixture(t)
	paths := []string{"/proc/version", "/proc/filesystems"}
	m := f.snapshot(repo.Paths(paths...), repo.SnapshotOptions{})
	out := t.TempDir()
	f.restore(m, repo.RestoreOptions{To: out, NoSync: true, Verify: true})
	for _, p := range paths {
		want, err := os.ReadFile(p)
		must(t, err)
		got, err := os.ReadFile(filepath.Join(out, p))
		must(t, err)
		if string(got) != string(want) || len(got) == 0 {
			t.Errorf("%s was restored as %q", p, got)
		}
	}
	if again := f.snapshot(repo.Paths(paths...), repo.SnapshotOptions{}); again.Stats.BytesRead == 0 {
		t.Error("files whose size is not known were taken from the older snapshot unread")
	}
	f.clean()
}
