package mount

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// directFlags are the flags of mount(2) for root.
const directFlags = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV

// explain adds what to do to an error of mounting.
func explain(dir string, o Options, err error) error {
	err = fmt.Errorf("mount on %s: %s", dir, strings.TrimSpace(err.Error()))
	_, noDevice := os.Stat("/dev/fuse")
	_, noHelper := exec.LookPath("fusermount3")
	switch {
	case noDevice != nil:
		return fmt.Errorf("%w: there is no /dev/fuse: load the kernel module fuse, or allow the container to use it", err)
	case os.Geteuid() != 0 && noHelper != nil:
		return fmt.Errorf("%w: install fusermount3, which is in the package fuse3", err)
	case os.Geteuid() != 0 && o.AllowOther:
		return fmt.Errorf("%w: for other users, user_allow_other must be set in /etc/fuse.conf", err)
	}
	return err
}

// isBusy reports whether unmounting failed because the mount is in use. fusermount3
// reports that only as text.
func isBusy(err error) bool {
	return errors.Is(err, unix.EBUSY) || strings.Contains(strings.ToLower(err.Error()), "busy")
}

func detach(dir string) error {
	err := unix.Unmount(dir, unix.MNT_DETACH)
	if !errors.Is(err, unix.EPERM) {
		return err
	}
	out, err := exec.Command("fusermount3", "-u", "-z", dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w", strings.TrimSpace(string(out)), err)
	}
	return nil
}
