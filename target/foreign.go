package target

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
)

// A ForeignFinder is a target that can find files that are no objects.
type ForeignFinder interface {
	// Foreign returns the name of something on the target that is no object and that
	// somebody may want to keep, or "" if there is nothing. Empty directories, the target's
	// own unfinished writes, and names for which IsSystemFile is true don't count.
	Foreign(ctx context.Context) (string, error)
}

// maxForeignDirs is how many directories FindForeign examines.
const maxForeignDirs = 1000

// A DirEntry is an entry of a directory of a target that has directories.
type DirEntry struct {
	Name string      // the last element
	Type fs.FileMode // as fs.FileMode.Type
}

// FindForeign implements ForeignFinder.Foreign for a target that has directories. list
// lists a directory by its path below the target's. own is a name at the top that belongs
// to the target. After a thousand directories without a result FindForeign returns the
// next directory. It also returns a directory that may not be read.
func FindForeign(ctx context.Context, own string, list func(dir string) ([]DirEntry, error)) (string, error) {
	left := maxForeignDirs
	var in func(dir string) (string, error)
	in = func(dir string) (string, error) {
		if left--; left < 0 {
			return dir, nil
		}
		entries, err := list(dir)
		switch {
		case dir != "" && errors.Is(err, fs.ErrPermission):
			return dir, nil
		case errors.Is(err, fs.ErrNotExist): // removed meanwhile
			return "", nil
		case err != nil:
			return "", err
		}
		for _, e := range entries {
			if err := ctx.Err(); err != nil {
				return "", err
			}
			child := path.Join(dir, e.Name)
			switch {
			case IsSystemFile(e.Name), child == own, e.Type.IsRegular() && ValidName(child) == nil:
				continue
			case !e.Type.IsDir():
				return child, nil
			}
			if found, err := in(child); found != "" || err != nil {
				return found, err
			}
		}
		return "", nil
	}
	return in("")
}

// IsSystemFile reports whether a file or directory of that name is one that systems
// create by themselves: a dot file, or a name at the top of file systems.
func IsSystemFile(name string) bool {
	switch name {
	case "lost+found", "System Volume Information", "$RECYCLE.BIN", "aquota.user", "aquota.group", "quota.user", "quota.group":
		return true
	}
	return strings.HasPrefix(name, ".")
}
