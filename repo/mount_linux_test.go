package repo_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/qsnap/qsnap/repo"
)

func TestOneFileSystemStopsAtMountPoints(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting a file system takes root")
	}
	src := t.TempDir()
	inner := filepath.Join(src, "mnt")
	if err := os.Mkdir(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", inner, "tmpfs", 0, "size=1m,mode=0711"); err != nil {
		t.Skipf("mounting a file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(inner, 0); err != nil {
			t.Error(err)
		}
	})
	for _, name := range []string{"outer", "mnt/inner"} {
		if err := os.WriteFile(filepath.Join(src, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := newFixture(t)
	both := f.snapshot(repo.Paths(src), repo.SnapshotOptions{})
	one := f.snapshot(repo.Paths(src), repo.SnapshotOptions{OneFileSystem: true})
	if both.Stats.Files != 2 || one.Stats.Files != 1 || one.Problems.Total != 0 {
		t.Errorf("%d and %d files, problems %v", both.Stats.Files, one.Stats.Files, one.Problems)
	}
	if len(one.Skipped.List) != 1 || !strings.Contains(one.Skipped.List[0].Text, "another file system") {
		t.Errorf("skipped %v", one.Skipped)
	}
	e, err := f.View(one).Entry(t.Context(), "mnt") // the mount point itself is kept
	if err != nil || e.Mode != 0o711 {
		t.Errorf("%+v, %v", e, err)
	}
}
