package mount

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

const directFlags = 0 // mounting requires the helper

// explain adds what to do to an error of mounting.
func explain(dir string, _ Options, err error) error {
	err = fmt.Errorf("mount on %s: %s", dir, strings.TrimSpace(err.Error()))
	if strings.Contains(err.Error(), "no FUSE mount utility") {
		return fmt.Errorf("%w: install macFUSE", err)
	}
	return err
}

func isBusy(err error) bool { return errors.Is(err, unix.EBUSY) }

// detach unmounts by force: there is no other way on this system.
func detach(dir string) error { return unix.Unmount(dir, unix.MNT_FORCE) }

// holders returns nothing on this system: that would require lsof.
func holders(string) []Holder { return nil }
