package sftp

import (
	"cmp"
	"errors"
	"io/fs"
	"path"
)

// makeRoot makes the target's directory and its parents. The parents may be
// unreadable, so syncing them is only tried.
func makeRoot(c *conn, dir string) error {
	err := c.mkdir(dir)
	if parent := path.Dir(dir); errors.Is(err, fs.ErrNotExist) && parent != dir {
		if err := makeRoot(c, parent); err != nil {
			return err
		}
		err = c.mkdir(dir)
	}
	if err == nil && c.can(fsync) {
		if err := c.syncDir(path.Dir(dir)); !answered(err) {
			return err
		}
	}
	return err
}

// makeDirs makes a directory below the target's, with its parents, and makes them
// durable, once. It doesn't make the target's own: a disk that was unmounted must
// not come back as an empty directory.
func (t *Target) makeDirs(c *conn, dir string) error {
	t.mu.Lock()
	made := t.made[dir]
	t.mu.Unlock()
	if made || dir == t.root {
		return nil
	}
	parent := path.Dir(dir)
	if err := t.makeDirs(c, parent); err != nil {
		return err
	}
	if err := c.mkdir(dir); err != nil {
		return err
	}
	// Also if it was there: who made it may not have come to syncing it.
	if err := t.syncDir(c, parent); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.made[dir] = true
	return nil
}

// forgetDir makes makeDirs look again at a directory and its parents.
func (t *Target) forgetDir(dir string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for ; dir != t.root && dir != "/"; dir = path.Dir(dir) {
		delete(t.made, dir)
	}
}

// mkdir makes a directory, if it isn't there.
func (c *conn) mkdir(dir string) error {
	err := refined(c.sftp.Mkdir(dir))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// Servers differ in what they say about one that is there.
	info, unknown := c.sftp.Stat(dir)
	switch {
	case unknown != nil:
		return err
	case !info.IsDir():
		return permanent(errors.New(dir + " is a file and can't be a directory"))
	}
	return nil
}

// syncDir makes the names in a directory durable, where the server can.
func (t *Target) syncDir(c *conn, dir string) error {
	if !t.naming.syncsDirs {
		return nil
	}
	return c.syncDir(dir)
}

// syncDir opens a directory as if it were a file, and syncs it.
func (c *conn) syncDir(dir string) error {
	f, err := c.sftp.Open(dir)
	if err != nil {
		return err
	}
	return cmp.Or(f.Sync(), f.Close())
}
