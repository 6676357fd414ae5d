package disk

import (
	"errors"
	"io/fs"
	"syscall"
	"testing"
)

// A name that a system takes for something else is never written to.
func TestNamesThatLeadElsewhereAreRefused(t *testing.T) {
	for _, name := range []string{"", ".", "..", "a/b"} {
		for _, system := range []string{"linux", "windows"} {
			if err := checkName(system, name); !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("%s, %q: %v", system, name, err)
			}
		}
	}
	for _, name := range []string{`a\b`, "a:b", "a.", "a ", "a*", "a?", `"a"`, "<a", "a|b", "a\tb"} {
		if err := checkName("linux", name); err != nil {
			t.Errorf("linux, %q: %v", name, err)
		}
		if err := checkName("windows", name); !Unnameable(err) {
			t.Errorf("windows, %q: %v", name, err)
		}
	}
	for _, name := range []string{".a", " a", "a.b", "a b", "é", "\xff", "...a"} {
		if err := checkName("windows", name); err != nil {
			t.Errorf("windows, %q: %v", name, err)
		}
	}
}

// An error that a name is the reason for says so.
func TestAnErrorOfANameSaysSo(t *testing.T) {
	for errno, want := range map[syscall.Errno]bool{syscall.ENAMETOOLONG: true, syscall.EINVAL: true, syscall.EILSEQ: true, syscall.EACCES: false, syscall.EIO: false} {
		err := &fs.PathError{Op: "rename to", Path: "x", Err: ofName(errno)}
		if Unnameable(err) != want || (err.Err.Error() != errno.Error()) != want || !errors.Is(err, errno) {
			t.Errorf("%v: %v", errno, err)
		}
	}
}
