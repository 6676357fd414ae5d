package keyring

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// newName returns a name that nobody else uses, and removes what is kept under it in
// the end.
func newName(t *testing.T) string {
	name := fmt.Sprintf("qsnap-test:%d:%s", os.Getpid(), t.Name())
	t.Cleanup(func() {
		_ = within(func(ring int) error {
			key, err := unix.KeyctlSearch(ring, "user", name, 0)
			if err == nil {
				_, err = unix.KeyctlInt(unix.KEYCTL_INVALIDATE, key, 0, 0, 0)
			}
			return err
		})
	})
	return name
}

// denied reports whether the kernel has no such keyring for us. Then there is nothing to
// keep anything in, and both methods have to say so.
func denied(t *testing.T) bool {
	t.Helper()
	err := within(func(int) error { return nil })
	if err == nil {
		return false
	}
	t.Logf("there is no persistent keyring here: %v", err)
	if _, e := (Keyring{}).Load(newName(t)); !errors.Is(e, err) {
		t.Errorf("load: %v", e)
	}
	if e := (Keyring{}).Store(newName(t), []byte("x")); !errors.Is(e, err) {
		t.Errorf("store: %v", e)
	}
	return true
}

func TestWhatWasStoredIsLoadedUntilItIsReplaced(t *testing.T) {
	if denied(t) {
		return
	}
	name, other := newName(t), newName(t)+"2"
	if _, err := (Keyring{}).Load(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing was stored: %v", err)
	}
	for _, value := range [][]byte{[]byte("one"), bytes.Repeat([]byte("two"), 1000), {0}} {
		if err := (Keyring{}).Store(name, value); err != nil {
			t.Fatal(err)
		}
		got, err := Keyring{}.Load(name)
		if err != nil || !bytes.Equal(got, value) {
			t.Errorf("%q, %v", got, err)
		}
	}
	if _, err := (Keyring{}).Load(other); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("under another name: %v", err)
	}
	if err := (Keyring{}).Store(name, make([]byte, maxValue+1)); err == nil {
		t.Error("the kernel takes no such value")
	}
}

// Any thread of any process of the user finds it, for a day, and nobody else may do
// anything with it.
func TestAKeyIsTheUsersAloneAndForADay(t *testing.T) {
	if denied(t) {
		return
	}
	name := newName(t)
	if err := (Keyring{}).Store(name, []byte("x")); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := (Keyring{}).Load(name); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	err := within(func(ring int) error {
		if _, err := unix.KeyctlSearch(ring, "user", name, 0); err != nil {
			return err
		}
		keys, err := os.ReadFile("/proc/keys") // proc(5): ID FLAGS USAGE EXPIRY PERM UID GID TYPE DESCRIPTION
		for line := range strings.Lines(string(keys)) {
			if f := strings.Fields(line); strings.Contains(line, name+":") {
				if f[3] != "23h" && f[3] != "1d" || f[4] != "3f010000" {
					t.Errorf("%s", line)
				}
				return nil
			}
		}
		return errors.Join(err, fmt.Errorf("it is not in /proc/keys"))
	})
	if err != nil {
		t.Error(err)
	}
}
