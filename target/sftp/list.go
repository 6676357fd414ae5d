package sftp

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/target"
)

// absent returns fs.ErrNotExist instead of a server's error for a name below a file.
func (t *Target) absent(c *conn, file string, err error) error {
	if !failed(err) {
		return err
	}
	for dir := path.Dir(file); len(dir) > len(t.root); dir = path.Dir(dir) {
		if info, unknown := c.sftp.Stat(dir); unknown == nil && !info.IsDir() {
			return fs.ErrNotExist
		}
	}
	return err
}

func (t *Target) stat(c *conn, file string) (fs.FileInfo, error) {
	info, err := c.sftp.Lstat(file)
	if err != nil {
		return nil, t.absent(c, file, refined(err))
	}
	if !info.Mode().IsRegular() {
		return nil, fs.ErrNotExist
	}
	return info, nil
}

// Stat implements target.Target.
func (t *Target) Stat(ctx context.Context, name string) (target.Info, error) {
	file, err := t.path(name)
	if err != nil {
		return target.Info{}, err
	}
	var info fs.FileInfo
	err = t.do(ctx, "stat", name, func(c *conn) error {
		info, err = t.stat(c, file)
		return err
	})
	if err != nil {
		return target.Info{}, err
	}
	return target.Info{Name: name, Size: info.Size()}, nil
}

// Delete implements target.Target.
func (t *Target) Delete(ctx context.Context, name string) error {
	file, err := t.path(name)
	if err != nil {
		return err
	}
	return t.do(ctx, "delete", name, func(c *conn) error {
		// Check first, because the client would then remove a directory of that name.
		if _, err := t.stat(c, file); err != nil {
			return err
		}
		return c.sftp.Remove(file)
	})
}

// Space implements target.SpaceReporter. It is errors.ErrUnsupported where the server does
// not have statvfs@openssh.com.
func (t *Target) Space(ctx context.Context) (free, total int64, err error) {
	err = t.do(ctx, "space", "", func(c *conn) error {
		if !c.can(statvfs) {
			return permanent(errors.ErrUnsupported)
		}
		s, err := c.sftp.StatVFS(t.root)
		if err == nil {
			free, total = int64(s.Frsize*s.Bavail), int64(s.Frsize*s.Blocks)
		}
		return err
	})
	return free, total, err
}

// List implements target.Target. It holds the names of one directory in memory, and
// of those above it.
func (t *Target) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	return func(yield func(target.Info, error) bool) {
		if err := target.ValidPrefix(prefix); err != nil {
			yield(target.Info{}, permanent(err))
			return
		}
		t.list(ctx, strings.TrimSuffix(prefix, "/"), yield)
	}
}

// An entry is a file or directory. The name of a directory ends in a slash, so that
// entries sort like the names of objects.
type entry struct {
	name string
	size int64
}

// list yields what is below the directory of that name, and reports whether to continue.
func (t *Target) list(ctx context.Context, name string, yield func(target.Info, error) bool) bool {
	entries, err := t.readDir(ctx, name)
	if err != nil {
		yield(target.Info{}, err)
		return false
	}
	for _, e := range entries {
		child := e.name
		if name != "" {
			child = name + "/" + child
		}
		if dir, ok := strings.CutSuffix(child, "/"); ok {
			if !t.list(ctx, dir, yield) {
				return false
			}
			continue
		}
		if err := ctx.Err(); err != nil {
			yield(target.Info{}, err)
			return false
		}
		if !yield(target.Info{Name: child, Size: e.size}, nil) {
			return false
		}
	}
	return true
}

// readDir returns the sorted objects and directories in a directory. If it doesn't exist
// there are none, unless the target's own directory is missing, too.
func (t *Target) readDir(ctx context.Context, name string) ([]entry, error) {
	var entries []entry
	err := t.do(ctx, "list", name, func(c *conn) error {
		dir := path.Join(t.root, name)
		infos, err := c.sftp.ReadDirContext(ctx, dir)
		if err = refined(err); failed(err) {
			err = t.absent(c, dir+"/x", err)
		}
		if errors.Is(err, fs.ErrNotExist) {
			_, err = c.sftp.Stat(t.root) // otherwise a vanished target would look empty
			return err
		}
		if err != nil {
			return err
		}
		for _, info := range infos {
			child := path.Join(name, info.Name())
			if target.ValidName(child) != nil || child == tmpDir {
				continue
			}
			switch {
			case info.IsDir():
				entries = append(entries, entry{info.Name() + "/", 0})
			case info.Mode().IsRegular():
				entries = append(entries, entry{info.Name(), info.Size()})
			}
		}
		return nil
	})
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	return entries, err
}
