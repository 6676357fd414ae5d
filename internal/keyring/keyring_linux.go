package keyring

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// lifetime is how long an unused value is kept. The kernel itself drops a persistent
// keyring that wasn't used for three days (persistent-keyring(7)).
const lifetime = 24 * time.Hour

// Load returns the value under a name, and keeps it for another day. If there is none,
// the error is fs.ErrNotExist.
func (Keyring) Load(name string) (value []byte, err error) {
	err = within(func(ring int) error {
		key, err := unix.KeyctlSearch(ring, "user", name, 0)
		if errors.Is(err, unix.ENOKEY) || errors.Is(err, unix.EKEYEXPIRED) || errors.Is(err, unix.EKEYREVOKED) {
			return fs.ErrNotExist
		}
		if err != nil {
			return err
		}
		value = make([]byte, maxValue)
		n, err := unix.KeyctlBuffer(unix.KEYCTL_READ, key, value, 0)
		if err != nil {
			return err
		}
		if n > len(value) {
			return fmt.Errorf("the value has %d bytes", n)
		}
		value = value[:n]
		return extend(key)
	})
	if err != nil {
		return nil, fmt.Errorf("keyring: %s: %w", name, err)
	}
	return value, nil
}

// Store keeps a value of at most 32 KiB under a name for a day. It replaces any other
// value.
func (Keyring) Store(name string, value []byte) error {
	err := within(func(ring int) error {
		key, err := unix.AddKey("user", name, value, ring)
		if err != nil {
			return err
		}
		return extend(key)
	})
	if err != nil {
		return fmt.Errorf("keyring: %s: %w", name, err)
	}
	return nil
}

// maxValue is the largest key of the type "user" that the kernel accepts, keyrings(7).
const maxValue = 32767

// extend renews a key's lifetime.
func extend(key int) error {
	_, err := unix.KeyctlInt(unix.KEYCTL_SET_TIMEOUT, key, int(lifetime.Seconds()), 0, 0)
	return err
}

// within calls f with the persistent keyring, which is linked to the thread's keyring:
// only a possessor of the keys may read them.
func within(f func(ring int) error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ring, err := unix.KeyctlInt(unix.KEYCTL_GET_PERSISTENT, -1, unix.KEY_SPEC_THREAD_KEYRING, 0, 0)
	if err != nil {
		return err
	}
	return f(ring)
}
