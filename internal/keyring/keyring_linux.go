package keyring

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// lifetime is how long a value is kept that nobody asks for. The kernel itself drops
// a persistent keyring that wasn't used for three days (persistent-keyring(7)).
const lifetime = 24 * time.Hour

// Load returns the value under a name, and keeps it for another day. If there is none
// it is fs.ErrNotExist.
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
			return fmt.Errorf("it has %d bytes", n)
		}
		value = value[:n]
		return extend(key)
	})
	if err != nil {
		return nil, fmt.Errorf("keyring: %s: %w", name, err)
	}
	return value, nil
}

// Store keeps a value of at most 32 KiB under a name for a day, in place of any other.
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

// maxValue is what the kernel takes as a key of the type "user", keyrings(7).
const maxValue = 32767

// extend gives a key its lifetime anew.
func extend(key int) error {
	_, err := unix.KeyctlInt(unix.KEYCTL_SET_TIMEOUT, key, int(lifetime.Seconds()), 0, 0)
	return err
}

// within calls f with the persistent keyring. It is linked to the keyring of the
// thread: only who possesses the keys in it may read them.
func within(f func(ring int) error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ring, err := unix.KeyctlInt(unix.KEYCTL_GET_PERSISTENT, -1, unix.KEY_SPEC_THREAD_KEYRING, 0, 0)
	if err != nil {
		return err
	}
	return f(ring)
}
