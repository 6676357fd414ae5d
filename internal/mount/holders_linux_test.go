package mount

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"

	"github.com/qsnap/qsnap/repo"
)

func TestAMountInsideHoldsIt(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: mounting another file system inside takes root")
	}
	m := newRepo(t)
	m.snapshot(repo.FromFS(fstest.MapFS{"a b\\c/f": {}}, "/x"), repo.SnapshotOptions{})
	m.start(Options{})
	inside := m.path("snapshots/2026-11-20T12:00:00/a b\\c")
	if err := unix.Mount("tmpfs", inside, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	err := m.Unmount()
	if _, ok := errors.AsType[*BusyError](err); !ok || !strings.Contains(err.Error(), "something is mounted on "+inside) {
		t.Errorf("%v", err)
	}
	if err := unix.Unmount(inside, 0); err != nil {
		t.Fatal(err)
	}
}

func FuzzUnescape(f *testing.F) {
	f.Add("/plain")
	f.Add("/a b\\c\nd\te")
	f.Add("\\040")
	f.Fuzz(func(t *testing.T, name string) {
		unescape(name) // whatever it is
		var escaped strings.Builder
		for i := range len(name) { // as the kernel does
			if c := name[i]; strings.IndexByte(" \t\n\\", c) >= 0 {
				fmt.Fprintf(&escaped, "\\%03o", c)
			} else {
				escaped.WriteByte(c)
			}
		}
		if got := unescape(escaped.String()); got != name {
			t.Errorf("%q: %q, want %q", escaped.String(), got, name)
		}
	})
}
