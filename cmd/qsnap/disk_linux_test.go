package main

import (
	"bytes"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/qsnap/qsnap/internal/test/treetest"
)

// mountTmpfs mounts a file system of that size, which only root can.
func mountTmpfs(t *testing.T, dir, size string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting a small file system takes root")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("mounting a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
}

func TestAFullDiskFailsTheSnapshotOnly(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	mountTmpfs(t, s.path("repo"), "6m")
	s.run("init", "--key-file", "key")
	s.write("tree/a", treetest.Bytes(1, 2<<20))
	s.run("snapshot", "tree")
	s.write("tree/b", treetest.Bytes(2, 20<<20))
	out, code := s.try("snapshot", "tree")
	if code != exitFailed || !strings.Contains(out, "no space left on device") || strings.Count(out, "\n") != 1 {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if out := s.run("check", "--read-data"); !strings.Contains(out, "no damage found") {
		t.Error(out)
	}
	s.run("restore", "latest", "--target", "out")
	if b, err := os.ReadFile(s.path("out/a")); err != nil || !bytes.Equal(b, treetest.Bytes(1, 2<<20)) {
		t.Errorf("restored %d bytes, %v", len(b), err)
	}
	if err := os.Remove(s.path("tree/b")); err != nil {
		t.Fatal(err)
	}
	s.run("snapshot", "tree")

	// A full destination.
	s.write("tree/c", treetest.Bytes(3, 3<<20))
	mountTmpfs(t, s.path("small"), "3m")
	s2 := newSession(t)
	s2.run("init", "--key-file", "key")
	s2.run("snapshot", s.path("tree"))
	for _, dry := range []string{"--dry-run", "--dry-run=false"} {
		out, code = s2.try("restore", "latest", "--target", s.path("small"), dry)
		if entries, err := os.ReadDir(s.path("small")); code != exitFailed || err != nil || len(entries) > 0 ||
			!strings.Contains(out, "small has 3.0 MiB free, and this restore needs at least 5.0 MiB: nothing was written") {
			t.Errorf("%s: exit code %d, %v, %v\n%s", dry, code, err, entries, out)
		}
	}
	s2.run("restore", "latest", "--target", s.path("small/part"), "--include", "a")
	s2.run("restore", "latest", "--target", s.path("small/part"), "--include", "a")
	if err := os.RemoveAll(s.path("small/part")); err != nil {
		t.Fatal(err)
	}
	out, code = s2.try("restore", "latest", "--target", s.path("small"), "--no-room-check")
	if code != exitFailed || !strings.Contains(out, "no space left on device") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	entries, err := os.ReadDir(s.path("small"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Size() != 2<<20 && info.Size() != 3<<20 {
			t.Errorf("%s is there with %d bytes", e.Name(), info.Size())
		}
	}
}

// The disk is full to the last byte. Forgetting and pruning work, and make room.
func TestAFullDiskCanBePruned(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	mountTmpfs(t, s.path("repo"), "8m")
	s.run("init", "--key-file", "key")
	for v := range 3 {
		s.write("tree/a", treetest.Bytes(uint64(v), 2<<20))
		s.run("snapshot", "tree")
	}
	f, err := os.Create(s.path("repo/filler"))
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1 << 16, 4096, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
	f.Close()
	s.write("tree/a", treetest.Bytes(9, 2<<20))
	if out, code := s.try("snapshot", "tree"); code != exitFailed || !strings.Contains(out, "no space left on device") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	s.run("forget", "--keep-last", "1", "--prune")
	if out := s.run("check", "--read-data"); !strings.Contains(out, "no damage found") {
		t.Error(out)
	}
	s.run("snapshot", "tree")
	s.run("restore", "latest", "--target", "out")
	if b, err := os.ReadFile(s.path("out/a")); err != nil || !bytes.Equal(b, treetest.Bytes(9, 2<<20)) {
		t.Errorf("restored %d bytes, %v", len(b), err)
	}
	if _, err := os.Stat(s.path("repo/reserve")); err != nil {
		t.Error(err)
	}
}

func TestAReadOnlyRepositoryCanBeReadAndSaysSo(t *testing.T) {
	s := newSession(t)
	mountTmpfs(t, s.path("repo"), "20m")
	s.run("init", "--key-file", "key")
	s.write("tree/a", []byte("x"))
	s.run("snapshot", "tree")
	if err := syscall.Mount("", s.path("repo"), "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	s.run("snapshots")
	s.run("ls", "latest")
	s.run("check", "--read-data")
	s.run("restore", "latest", "--target", "out")
	s.write("tree/b", []byte("y"))
	out, code := s.try("snapshot", "tree")
	if code != exitFailed || !strings.Contains(out, "read-only file system") || strings.Count(out, "\n") != 1 {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

func TestAVanishedRepositoryIsOneClearLine(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	s.run("init", "--key-file", "key")
	s.fill("tree", 0)
	if err := syscall.Mkfifo(s.path("go"), 0o600); err != nil {
		t.Fatal(err)
	}
	// The command waits in the middle of the snapshot until the repository is gone.
	cmd := s.command("snapshot", "--command", "cat tree/d0/*; echo > begun; cat go; cat tree/d1/*")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.awaitFile("begun")
	if err := os.Rename(s.path("repo"), s.path("moved")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path("go"), []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitFailed || !strings.Contains(out.String(), "no such file or directory") || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("exit code %d\n%s", code, out.String())
	}
	if _, err := os.Stat(s.path("repo")); err == nil {
		t.Error("the repository's directory was made again")
	}
	if err := os.Rename(s.path("moved"), s.path("repo")); err != nil {
		t.Fatal(err)
	}
	s.run("snapshot", "tree")
	s.run("check", "--read-data")
}

// What a full disk has and the snapshot doesn't can make room first.
func TestARestoreDeletesFirstWhereBothFindNoRoom(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	mountTmpfs(t, s.path("tree"), "3m")
	s.run("init", "--key-file", "key")
	s.write("tree/a", treetest.Bytes(1, 2<<20))
	s.run("snapshot", "tree")
	if err := os.Rename(s.path("tree/a"), s.path("tree/b")); err != nil {
		t.Fatal(err)
	}
	if out, code := s.try("restore", "latest", "--in-place", "--delete-first"); code != exitUsage || !strings.Contains(out, "needs --delete") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	out, code := s.try("restore", "latest", "--in-place", "--delete")
	if code != exitFailed || !strings.Contains(out, "with --delete-first") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if out := s.run("restore", "latest", "--in-place", "--delete", "--delete-first"); !strings.Contains(out, "1 created, 0 replaced, 0 changed only in attributes, 1 deleted") {
		t.Error(out)
	}
	if b, err := os.ReadFile(s.path("tree/a")); err != nil || !bytes.Equal(b, treetest.Bytes(1, 2<<20)) {
		t.Errorf("restored %d bytes, %v", len(b), err)
	}
}

// A restore that fails after it has deleted says how much is gone.
func TestARestoreThatFailsSaysWhatItDeletedFirst(t *testing.T) {
	s := newSession(t)
	mountTmpfs(t, s.path("tree"), "3m")
	s.run("init", "--key-file", "key")
	s.write("tree/a", treetest.Bytes(1, 2<<20))
	s.run("snapshot", "tree", "--exclude", "kept")
	if err := os.Rename(s.path("tree/a"), s.path("tree/kept")); err != nil {
		t.Fatal(err)
	}
	s.write("tree/b", nil)
	out, code := s.try("restore", "latest", "--in-place", "--delete", "--delete-first", "--no-room-check")
	if code != exitFailed || !strings.Contains(out, "1 entry was deleted before the restore failed") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}
