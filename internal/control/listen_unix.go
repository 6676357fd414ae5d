//go:build !windows

package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// listen makes the socket: for the owner alone, or for a group, too. The directory then lets
// members of the group pass, and nothing else.
func listen(path, group string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	old := syscall.Umask(0o177)
	l, err := net.Listen("unix", path)
	syscall.Umask(old)
	if errors.Is(err, syscall.EINVAL) {
		return nil, fmt.Errorf("%w: the path may be too long: a socket's has at most 107 bytes; --state names another directory", err)
	}
	if err != nil || group == "" {
		return l, err
	}
	if err := letIn(path, group); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func letIn(path, group string) error {
	g, err := user.LookupGroup(group)
	if err != nil {
		return fmt.Errorf("group %q of the configuration: %w", group, err)
	}
	id, err := strconv.Atoi(g.Gid)
	if err != nil {
		return err
	}
	for _, of := range []struct {
		path string
		mode fs.FileMode
	}{{filepath.Dir(path), 0o710}, {path, 0o660}} {
		if err := os.Chown(of.path, -1, id); err != nil {
			return err
		}
		if err := os.Chmod(of.path, of.mode); err != nil {
			return err
		}
	}
	return nil
}
