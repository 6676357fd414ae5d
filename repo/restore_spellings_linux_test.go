package repo_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/repo"
)

// A name that the destination lists under another spelling is the snapshot's file and no
// extra one, also if each spelling has an inode number of its own.
func TestDeletionSparesWhatIsListedUnderAnotherSpelling(t *testing.T) {
	f := newFixture(t)
	m := f.snapshot(repo.FromFS(fstest.MapFS{
		"readme.txt": {Data: []byte("same"), Mode: 0o644}, "caf\u00e9": {Data: []byte("same"), Mode: 0o644}, "dir/file": {Data: []byte("same"), Mode: 0o644},
	}, "/x"), repo.SnapshotOptions{})
	for name, fsys := range map[string]folding{
		"one inode":        {key: func(_, name string) string { return foldsCase("", composes("", name)) }},
		"one per spelling": {key: func(_, name string) string { return foldsCase("", composes("", name)) }, spellings: true},
	} {
		t.Run(name, func(t *testing.T) {
			to := mountFolding(t, fsys)
			for _, name := range []string{"README.TXT", "cafe\u0301", "DIR/File", "extra", "DIR/Other"} {
				must(t, os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755))
				must(t, os.WriteFile(filepath.Join(to, name), []byte("same"), 0o644))
			}
			for _, dry := range []bool{true, false} {
				report := f.restore(m, repo.RestoreOptions{To: to, Delete: true, DryRun: dry, NoOwner: true})
				if report.Deleted != 2 {
					t.Errorf("dry %v: %d entries deleted", dry, report.Deleted)
				}
			}
			var left []string
			must(t, filepath.WalkDir(to, func(path string, d os.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					left = append(left, path[len(to)+1:])
				}
				return err
			}))
			if want := []string{"DIR/File", "README.TXT", "cafe\u0301"}; !slices.Equal(left, want) {
				t.Errorf("%q is left, want %q", left, want)
			}
		})
	}
}
