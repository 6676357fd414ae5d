package sftp

import (
	"cmp"
	"errors"
	"io/fs"
	"path"
)

// makeRoot makes the target's directory and its parents. The parents may be unreadable,
// so errors of syncing them are ignored.
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

// makeDirs makes a directory below the target's, and its parents, durable, once. It
// creates them if needed, but not the target's own: a disk that was unmounted must not
// come back as an empty directory.
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
	// Sync even if it existed: its creator may not have synced it.
	if err := t.syncDir(c, parent); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.made[dir] = true
	return nil
}

// forgetDir makes makeDirs check a directory and its parents again.
func (t *Target) forgetDir(dir string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for ; dir != t.root && dir != "/"; dir = path.Dir(dir) {
		delete(t.made, dir)
	}
}

// mkdir makes a directory unless it exists.
func (c *conn) mkdir(dir string) error {
	err := refined(c.sftp.Mkdir(dir))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// Servers answer differently if it exists.
	info, unknown := c.sftp.Stat(dir)
	switch {
	case unknown != nil:
		return err
	case !info.IsDir():
		return permanent(errors.New(dir + " is a file and can't be a directory"))
	}
	return nil
}

// syncDir makes the names in a directory durable, if the server can.
func (t *Target) syncDir(c *conn, dir string) error {
	if !t.naming.syncsDirs {
		return nil
	}
	return c.syncDir(dir)
}

// syncDir opens a directory like a file, and syncs it.
func (c *conn) syncDir(dir string) error {
	f, err := c.sftp.Open(dir)
	if err != nil {
		return err
	}
	return cmp.Or(f.Sync(), f.Close())
}
