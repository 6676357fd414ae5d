package restore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/extract"
)

// makeDestination makes the destination if it doesn't exist. A dry run gets an empty
// directory instead, which cleanUp removes.
func makeDestination(x *extract.Options) (cleanUp func(), err error) {
	nothing := func() {}
	info, err := os.Stat(x.To)
	switch {
	case x.To == "":
		return nil, errors.New("no destination is named: name a directory to restore to")
	case err == nil && !info.IsDir():
		return nil, &fs.PathError{Op: "restore to", Path: x.To, Err: errors.New("it is no directory")}
	case err == nil || !errors.Is(err, fs.ErrNotExist):
		return nothing, err
	}
	x.Made = true
	if x.DryRun {
		x.To, err = os.MkdirTemp("", "qsnap-dry-run-*")
		return func() { os.Remove(x.To) }, err
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(x.To)), 0o777); err != nil {
		return nothing, err
	}
	return nothing, os.Mkdir(x.To, 0o700) // it gets its mode when everything in it is done
}

// nearestExisting returns a directory if it exists, or else the nearest one above it.
func nearestExisting(dir string) string {
	for {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) || filepath.Dir(dir) == dir {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// removeEmptyDirs removes an empty directory, and then those above it that are empty, up to
// the directory top, which stays.
func removeEmptyDirs(dir, top string) {
	for dir = filepath.Clean(dir); dir != filepath.Clean(top) && os.Remove(dir) == nil; {
		dir = filepath.Dir(dir)
	}
}

// protectedFiles returns the files and directories that a restore neither deletes nor
// enters: those at the paths, and those that symbolic links among these lead to.
func protectedFiles(paths []string) (map[disk.FileID]string, error) {
	own := map[disk.FileID]string{}
	for _, p := range paths {
		real, err := filepath.EvalSymlinks(p)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			continue // the user can't harm it
		}
		if err != nil {
			return nil, err
		}
		for _, at := range []string{p, real} {
			id, err := fileID(at)
			if err != nil {
				return nil, err
			}
			own[id] = "qsnap itself uses it"
		}
	}
	return own, nil
}

// fileID identifies the file at a path. The directories on the way need not be readable.
func fileID(p string) (disk.FileID, error) {
	parent, err := disk.OpenSearchOnly(filepath.Dir(filepath.Clean(p)))
	if err != nil {
		return disk.FileID{}, err
	}
	defer parent.Close()
	name := filepath.Base(filepath.Clean(p))
	if name == "." || name == string(filepath.Separator) || name == ".." {
		name = ""
		d, err := disk.OpenSearchOnly(p)
		if err != nil {
			return disk.FileID{}, err
		}
		defer d.Close()
		parent = d
	}
	place, err := parent.Identify(name)
	return place.File(), err
}

// checkDestination refuses a destination that is, or lies in, a protected file or directory.
func checkDestination(to string, own map[disk.FileID]string) error {
	if len(own) == 0 || to == "" {
		return nil
	}
	at, err := realPath(to)
	if err != nil {
		return err
	}
	for ; ; at = filepath.Dir(at) {
		id, err := fileID(at)
		if err != nil {
			return err
		}
		if own[id] != "" && id.Inode != 0 {
			return &fs.PathError{Op: "restore to", Path: to, Err: errors.New("it is, or lies in, what qsnap itself uses: " + at)}
		}
		if filepath.Dir(at) == at {
			return nil
		}
	}
}

// realPath returns a destination, or the nearest directory above it that exists, as an
// absolute path without symbolic links.
func realPath(to string) (string, error) {
	at, err := filepath.Abs(to)
	if err != nil {
		return "", err
	}
	for {
		real, err := filepath.EvalSymlinks(at)
		if err == nil {
			return real, nil
		}
		if !errors.Is(err, fs.ErrNotExist) || filepath.Dir(at) == at {
			return "", &fs.PathError{Op: "restore to", Path: to, Err: err}
		}
		at = filepath.Dir(at)
	}
}
