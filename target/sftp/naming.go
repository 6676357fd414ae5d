package sftp

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"
)

// A method is a way to give a file a name that is free.
type method int

const (
	byLink method = iota
	byRename
)

// name gives a file a name. With link the file keeps its old name, too.
func (m method) name(c *conn, from, to string) error {
	if m == byLink {
		return c.sftp.Link(from, to)
	}
	return c.sftp.Rename(from, to)
}

// naming is what was determined about a server before the first Put.
type naming struct {
	turn      chan struct{} // held by the goroutine that determines the other fields
	known     bool
	how       method
	unsafe    error // the reason why objects can't be put here
	syncsDirs bool
}

func newNaming() naming { return naming{turn: make(chan struct{}, 1)} }

// method returns how objects get their names on the server, or the reason why they can't.
func (n *naming) method(ctx context.Context, t *Target, c *conn) (method, error) {
	select {
	case n.turn <- struct{}{}:
		defer func() { <-n.turn }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if n.known {
		return n.how, n.unsafe
	}
	if c.can(fsync) {
		err := c.syncDir(t.root)
		if !answered(err) {
			return 0, err
		}
		n.syncsDirs = err == nil
	}
	how, err := t.tryNaming(c)
	if unsafe, ok := errors.AsType[*unsafeError](err); ok {
		n.unsafe = permanent(unsafe)
	} else if err != nil {
		return 0, err
	}
	n.known, n.how = true, how
	return n.how, n.unsafe
}

// CreateOnly implements target.CreateOnlyReporter. A rename may look first and replace then,
// which nobody can tell from here, so that only links are relied on. Where Put refuses
// to put anything, the reason is the error.
func (t *Target) CreateOnly(ctx context.Context) (yes bool, err error) {
	err = t.do(ctx, "try", "", func(c *conn) error {
		how, err := t.naming.method(ctx, t, c)
		yes = err == nil && how == byLink
		return err
	})
	return yes, err
}

// An unsafeError says that objects could be replaced.
type unsafeError struct{ what string }

func (e *unsafeError) Error() string {
	return e.what + ": a repository here would not be safe, so nothing is written"
}

// tryNaming tests the server: naming a file as an existing one must fail and keep both
// files, and naming it as an absent one must work.
func (t *Target) tryNaming(c *conn) (how method, err error) {
	base := path.Join(t.root, tempDir, "check-"+rand.Text())
	one, two, free := base+"-1", base+"-22", base+"-new"
	defer func() {
		for _, name := range []string{one, two, free} {
			if removed := c.sftp.Remove(name); err == nil && removed != nil && !errors.Is(removed, fs.ErrNotExist) {
				err = removed
			}
		}
	}()
	for i, name := range []string{one, two} {
		f, err := t.create(c, name)
		if err != nil {
			return 0, err
		}
		_, err = f.Write(make([]byte, i+1))
		if err := cmp.Or(err, f.Close()); err != nil {
			return 0, ofTemp(err)
		}
	}
	if err := t.removeLeftovers(c, one); err != nil {
		return 0, err
	}
	how, what := byRename, "rename"
	if c.can(hardlink) {
		how, what = byLink, "link"
	}
	err = how.name(c, one, two)
	if !answered(err) {
		return 0, err
	}
	first, err1 := c.sftp.Lstat(one)
	second, err2 := c.sftp.Lstat(two)
	switch {
	case err1 != nil && !answered(err1) || err2 != nil && !answered(err2):
		return 0, cmp.Or(err1, err2)
	case err == nil || err1 != nil || err2 != nil || first.Size() != 1 || second.Size() != 2:
		return 0, &unsafeError{fmt.Sprintf("the server's %s replaces files that exist", what)}
	}
	err = how.name(c, one, free)
	if !answered(err) {
		return 0, err
	}
	info, lost := c.sftp.Lstat(free)
	switch {
	case err != nil && how == byLink:
		return 0, &unsafeError{"hard links can't be made in the server's file system, without which its rename may replace files that exist"}
	case err != nil:
		return 0, err
	case !answered(lost):
		return 0, lost
	case lost != nil || info.Size() != 1:
		return 0, &unsafeError{fmt.Sprintf("the server's %s does not do what it says", what)}
	}
	return how, nil
}

// leftover is the age at which a temporary file is taken for abandoned. If it still has a
// writer, the writer gets an error because its file is gone, and nothing worse.
const leftover = 24 * time.Hour

// removeLeftovers removes temporary files that are older than a new one by that age, all
// by the server's clock.
func (t *Target) removeLeftovers(c *conn, fresh string) error {
	now, err := c.sftp.Lstat(fresh)
	if err != nil {
		return ofTemp(err)
	}
	dir := path.Dir(fresh)
	entries, err := c.sftp.ReadDir(dir)
	if err != nil {
		return ofTemp(err)
	}
	for _, e := range entries {
		made := e.ModTime()
		if !e.Mode().IsRegular() || made.Unix() == 0 || now.ModTime().Sub(made) < leftover {
			continue
		}
		if err := c.sftp.Remove(path.Join(dir, e.Name())); err != nil && !answered(err) {
			return err
		}
	}
	return nil
}
