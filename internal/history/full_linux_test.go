package history

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestARunIsRecordedOnAFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting a small file system takes root")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=512k"); err != nil {
		t.Skipf("mounting a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	h, _ := openAt(t, dir)
	add(t, h, runAt("app", noon))
	f, err := os.Create(h.dir.Path("filler"))
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	f.Close()
	run := runAt("web", noon.Add(time.Hour)) // whose directory is not there yet
	run.Message = strings.Repeat("no space left on device; ", 1000)
	add(t, h, run)
	if runs, err := h.List(Filter{}); len(runs) != 2 || err != nil || runs[1].Message != run.Message {
		t.Error(ids(runs), err)
	}
}
