package state

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
)

// mounted returns a directory with a small file system of its own, which only root can make.
func mounted(t *testing.T, size string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting a small file system takes root")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("mounting a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill leaves no room on the file system of a directory.
func fill(t *testing.T, d *Dir) (free func()) {
	t.Helper()
	name := d.Path("filler")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFullDiskHasRoomForWhatMustBeWritten(t *testing.T) {
	d := open(t, mounted(t, "512k"), 1)
	if err := d.Write([]byte("one"), "history", "1"); err != nil {
		t.Fatal(err)
	}
	reserve, err := os.ReadFile(d.Path("reserve"))
	if err != nil || len(reserve) != reserveSize || bytes.Count(reserve, []byte{0}) > reserveSize/100 {
		t.Fatal(len(reserve), err)
	}
	free := fill(t, d)
	record := bytes.Repeat([]byte("x"), 32<<10)
	if err := d.Write(record, "new", "dir", "2"); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(d.Path("new", "dir", "2")); err != nil || !bytes.Equal(b, record) {
		t.Error(len(b), err)
	}
	if _, err := os.Stat(d.Path("reserve")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the reserve is there:", err)
	}
	for err = nil; err == nil; err = d.Write(record, "new", "more") { // until the room is used up
		record = append(record, record...)
	}
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "make room on its disk") {
		t.Error(err)
	}
	if left, err := fs.Glob(os.DirFS(d.path), "new/"+newPrefix+"*"); err != nil || len(left) != 0 {
		t.Error(left, err)
	}
	free()
	if err := d.Write([]byte("three"), "history", "3"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(d.Path("reserve")); err != nil || info.Size() != reserveSize {
		t.Error("the reserve is not made again:", err)
	}
}

func TestAReadOnlyDirectoryIsOpenedForReading(t *testing.T) {
	dir := mounted(t, "512k")
	first := open(t, dir, 1)
	if err := first.WriteValue("a", 7); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	d := open(t, dir, 2)
	if d.Installation() != first.Installation() {
		t.Error(d.Installation())
	}
	var v int
	if err := d.ReadValue("a", &v); err != nil || v != 7 {
		t.Error(v, err)
	}
	_, locking := d.LockRun("app")
	for _, err := range []error{d.WriteValue("a", 8), locking} {
		if !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "STATE_DIRECTORY") {
			t.Error(err)
		}
	}
}

func TestAnEmptyReadOnlyDirectoryHasNoInstallation(t *testing.T) {
	dir := mounted(t, "512k")
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if id := open(t, dir, 1).Installation(); !id.IsZero() {
		t.Error(id)
	}
}
