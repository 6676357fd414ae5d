package sftp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/pkg/sftp"
)

// tmpDir is reserved, here and in package local. What is below tempDir belongs to this
// package.
const (
	tmpDir  = "tmp"
	tempDir = tmpDir + "/sftp"
)

// Extensions that a server may have (OpenSSH's file PROTOCOL, section 4).
const (
	fsync    = "fsync@openssh.com"
	statvfs  = "statvfs@openssh.com"
	hardlink = "hardlink@openssh.com"
)

// maxPackets is how many packets of 32 KiB may be unanswered at once.
const maxPackets = 64

// Put implements target.Target.
func (t *Target) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	final, err := t.path(name)
	if err != nil {
		return err
	}
	return t.do(ctx, "put", name, func(c *conn) error {
		temp, err := t.put(ctx, c, final, body, size)
		if failed(err) {
			err = c.whyFailed(t.root, size, err)
		}
		if temp != "" {
			t.discard(c, temp, answered(err))
		}
		return err
	})
}

// put implements Put, and returns the name of a temporary file that may still exist.
func (t *Target) put(ctx context.Context, c *conn, final string, body io.ReaderAt, size int64) (string, error) {
	how, err := t.naming.method(ctx, t, c)
	if err != nil {
		return "", err
	}
	if _, err := c.sftp.Lstat(final); err == nil { // avoids writing it
		return "", fs.ErrExist
	}
	t.removeOrphans(c)
	temp, err := t.upload(ctx, c, body, size)
	if err != nil {
		return temp, err
	}
	return t.publish(c, how, temp, final)
}

// upload writes a complete and durable temporary file. It returns the file's name if the
// file may exist, even with an error.
func (t *Target) upload(ctx context.Context, c *conn, body io.ReaderAt, size int64) (string, error) {
	temp := path.Join(t.root, tempDir, "put-"+rand.Text())
	f, err := t.create(c, temp)
	if err != nil {
		return "", err
	}
	packets := int(min(size>>15+1, maxPackets))
	_, err = f.ReadFromWithConcurrency(&bodyReader{ctx, body, 0, size}, packets)
	if err == nil && c.can(fsync) {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return temp, ofTemp(err)
	}
	info, err := c.sftp.Lstat(temp)
	if err == nil && info.Size() != size {
		err = temporary(fmt.Errorf("the server has stored %d of %d bytes", info.Size(), size))
	}
	return temp, ofTemp(err)
}

// create makes a new file, and its directory if needed.
func (t *Target) create(c *conn, name string) (*sftp.File, error) {
	const flags = os.O_WRONLY | os.O_CREATE | os.O_EXCL
	dir := path.Dir(name)
	if err := t.makeDirs(c, dir); err != nil {
		return nil, err
	}
	f, err := c.sftp.OpenFile(name, flags)
	if errors.Is(err, fs.ErrNotExist) { // somebody has removed the directory
		t.forgetDir(dir)
		if err = t.makeDirs(c, dir); err == nil {
			f, err = c.sftp.OpenFile(name, flags)
		}
	}
	return f, err
}

// publish gives a complete file its final name, durably. It returns the temporary name if
// the file may still have it.
func (t *Target) publish(c *conn, how method, temp, final string) (string, error) {
	dir := path.Dir(final)
	if err := t.makeDirs(c, dir); err != nil {
		return temp, err
	}
	err := refined(how.name(c, temp, final))
	if errors.Is(err, fs.ErrNotExist) { // somebody has removed the directory
		t.forgetDir(dir)
		if err = t.makeDirs(c, dir); err == nil {
			err = refined(how.name(c, temp, final))
		}
	}
	if failed(err) {
		// Version 3 of SFTP has no specific error for a taken name.
		if _, there := c.sftp.Lstat(final); there == nil {
			return temp, fs.ErrExist
		}
	}
	if err != nil {
		return temp, ofTemp(err)
	}
	if how == byRename {
		temp = ""
	}
	return temp, t.syncDir(c, dir)
}

// discard removes a temporary file, now or before the next Put: the result of the Put
// doesn't depend on it.
func (t *Target) discard(c *conn, temp string, now bool) {
	if now {
		if err := c.sftp.Remove(temp); err == nil || errors.Is(err, fs.ErrNotExist) {
			return
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.orphans = append(t.orphans, temp)
}

// removeOrphans removes temporary files whose connections broke.
func (t *Target) removeOrphans(c *conn) {
	t.mu.Lock()
	orphans := t.orphans
	t.orphans = nil
	t.mu.Unlock()
	for _, temp := range orphans {
		c.sftp.Remove(temp) // if that fails, a later target removes it
	}
}

// ofTemp translates errors about a temporary file: its absence doesn't mean that an
// object is absent.
func ofTemp(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return temporary(errors.New("the temporary file is gone from the server"))
	}
	return err
}

// whyFailed finds out why the server could not write; SFTP has no error codes for that.
func (c *conn) whyFailed(dir string, size int64, err error) error {
	if !c.can(statvfs) {
		return err
	}
	s, unknown := c.sftp.StatVFS(dir)
	switch {
	case unknown != nil:
	case s.Flag&1 != 0: // SSH2_FXE_STATVFS_ST_RDONLY
		return permanent(errReadOnly)
	case s.Frsize*s.Bavail < uint64(size)+1<<16 || s.Files > 0 && s.Favail == 0:
		return permanent(errNoSpace)
	}
	return err
}

// can reports whether the server has an extension.
func (c *conn) can(extension string) bool {
	_, ok := c.sftp.HasExtension(extension)
	return ok
}

// A bodyReader reads a body front to back, until the context ends.
type bodyReader struct {
	ctx  context.Context
	body io.ReaderAt
	off  int64
	size int64
}

// A bodyError is an error of reading a body.
type bodyError struct{ error }

func (r *bodyReader) Read(p []byte) (int, error) {
	if r.off >= r.size {
		return 0, io.EOF
	}
	if err := r.ctx.Err(); err != nil {
		return 0, &bodyError{err}
	}
	p = p[:min(int64(len(p)), r.size-r.off)]
	n, err := r.body.ReadAt(p, r.off)
	r.off += int64(n)
	if n == len(p) {
		return n, nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, &bodyError{err}
}
