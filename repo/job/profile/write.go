package profile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// write replaces a file, or makes it, so that whoever reads it finds either text. It refuses
// if the file isn't as it was any more. Its mode and owner stay.
func write(name string, before, after []byte) error {
	if bytes.Equal(before, after) {
		return nil
	}
	if real, err := filepath.EvalSymlinks(name); err == nil {
		name = real
	}
	info, err := os.Stat(name)
	mode := fs.FileMode(0o644)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		mode = info.Mode().Perm()
	}
	beside := name + ".new"
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there: another edit is under way, or was interrupted; in the latter case remove it", beside)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(after)
	err = errors.Join(err, f.Chmod(mode), keepOwner(f, info), f.Sync(), f.Close())
	if err == nil {
		if now, e := os.ReadFile(name); e == nil && !bytes.Equal(now, before) || e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = fmt.Errorf("%s was changed meanwhile: try again", name)
		}
	}
	if err == nil {
		err = os.Rename(beside, name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(beside))
	}
	return syncDirectory(filepath.Dir(name))
}
