package repo_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/repo"
)

// foldingDir returns a directory that doesn't tell case: an exFAT or FAT file system in an
// image.
func foldingDir(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount")
	}
	image, dir := filepath.Join(t.TempDir(), "image"), t.TempDir()
	f, err := os.Create(image)
	if err == nil {
		err = errors.Join(f.Truncate(64<<20), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("losetup", "-f", "--show", image).Output()
	if err != nil {
		t.Skip("no loop device: ", err)
	}
	device := strings.TrimSpace(string(out))
	t.Cleanup(func() { _ = exec.Command("losetup", "-d", device).Run() })
	for _, kind := range [][]string{{"mkfs.exfat", "mount", "-t", "exfat"}, {"mkfs.exfat", "mount.exfat-fuse"}, {"mkfs.vfat", "mount", "-t", "vfat"}} {
		if exec.Command(kind[0], device).Run() != nil {
			continue
		}
		if exec.Command(kind[1], append(kind[2:], device, dir)...).Run() == nil {
			t.Cleanup(func() { _ = exec.Command("umount", "-l", dir).Run() })
			return dir
		}
	}
	t.Skip("no file system that doesn't tell case can be mounted here")
	return ""
}

// Of names that are one in the destination neither is restored, and each is named; all
// else is restored.
func TestNamesThatDifferInCaseOnlyAreNamedWhereTheyMeet(t *testing.T) {
	f := newFixture(t)
	m := f.snapshot(repo.FromFS(fstest.MapFS{
		"README": {Data: []byte("one"), Mode: 0o644}, "readme": {Data: []byte("two"), Mode: 0o644},
		"Dir/a": {Data: []byte("a"), Mode: 0o644}, "dir/b": {Data: []byte("b"), Mode: 0o644},
		"deep/er/É": {Data: []byte("1"), Mode: 0o644}, "deep/er/é": {Data: []byte("2"), Mode: 0o644},
		"other": {Data: []byte("other"), Mode: 0o644}, "\xff": {Data: []byte("x"), Mode: 0o644}, "\xfe": {Data: []byte("y"), Mode: 0o644},
	}, "/x"), repo.SnapshotOptions{})
	restore := func(to string, o repo.RestoreOptions) (named []string, err error) {
		o.To, o.NoOwner, o.NoSync = to, true, true
		o.Progress = func(u repo.RestoreProgress) {
			if u.Problem != nil {
				named = append(named, u.Path)
			}
		}
		_, err = f.Restore(t.Context(), m, o)
		return named, err
	}
	if named, err := restore(t.TempDir(), repo.RestoreOptions{Delete: true}); err != nil {
		t.Errorf("where names are distinguished: %q, %v", named, err)
	}
	dir := foldingDir(t)
	if err := os.WriteFile(filepath.Join(dir, "extra"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	named, err := restore(dir, repo.RestoreOptions{Delete: true, Exclude: []string{"/\xff", "/\xfe"}})
	for _, want := range []string{"readme", "dir", "deep/er/é"} {
		if !slices.Contains(named, want) {
			t.Errorf("%q isn't named: %q", want, named)
		}
	}
	if !errors.Is(err, repo.ErrIncomplete) || errors.Is(err, repo.ErrDamaged) {
		t.Errorf("%v", err)
	}
	for name, there := range map[string]bool{"README": false, "readme": false, "Dir": false, "other": true, "extra": true, "deep/er": true} {
		if _, err := os.Lstat(filepath.Join(dir, name)); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
	if named, err := restore(filepath.Join(dir, "one"), repo.RestoreOptions{Include: []string{"/README"}}); err != nil {
		t.Errorf("one of the two: %q, %v", named, err)
	}
}
