// Package archive writes snapshots as archives that other programs read.
package archive

import (
	"archive/tar"
	"context"
	"fmt"
	"io"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

// Tar writes a directory of a snapshot, or a single file, as a tar archive in the PAX
// format (POSIX.1-2001), with extended attributes in the form of GNU tar, star and
// bsdtar. Hard links are kept, and holes become zeros. Sockets, which tar doesn't
// support, and what was not captured are passed to skipped. Tar stops at the first read
// error, because an archive can't report one.
func Tar(ctx context.Context, v *repo.View, root *snapshot.Entry, name string, w io.Writer, skipped func(path, why string)) error {
	t := &tarWriter{ctx: ctx, view: v, w: tar.NewWriter(w), links: map[snapshot.FileKey]string{}, skipped: skipped}
	if root.Type != snapshot.Dir {
		if err := t.add(name, root); err != nil {
			return err
		}
		return t.w.Close()
	}
	err := v.Walk(ctx, root, func(path string, e *snapshot.Entry, err error) error {
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return t.add(path, e)
	})
	if err != nil {
		return err
	}
	return t.w.Close()
}

type tarWriter struct {
	ctx     context.Context
	view    *repo.View
	w       *tar.Writer
	links   map[snapshot.FileKey]string // the first name of each hard-linked file
	skipped func(path, why string)
}

func (t *tarWriter) add(path string, e *snapshot.Entry) error {
	h := &tar.Header{
		Name: path, Mode: int64(e.Mode), Uid: int(e.UID), Gid: int(e.GID), Uname: e.User, Gname: e.Group,
		ModTime: e.MTime.Time(), Format: tar.FormatPAX, PAXRecords: map[string]string{},
	}
	for _, x := range e.Xattrs {
		h.PAXRecords["SCHILY.xattr."+x.Name] = string(x.Value)
	}
	if e.Problem != "" {
		t.skipped(path, "not in the snapshot: when that was made: "+e.Problem)
		if e.Type != snapshot.Dir {
			return nil
		}
	}
	switch e.Type {
	case snapshot.Dir:
		h.Typeflag, h.Name = tar.TypeDir, path+"/"
	case snapshot.Symlink:
		h.Typeflag, h.Linkname = tar.TypeSymlink, e.Target
	case snapshot.FIFO:
		h.Typeflag = tar.TypeFifo
	case snapshot.CharDevice:
		h.Typeflag, h.Devmajor, h.Devminor = tar.TypeChar, int64(e.Major), int64(e.Minor)
	case snapshot.BlockDevice:
		h.Typeflag, h.Devmajor, h.Devminor = tar.TypeBlock, int64(e.Major), int64(e.Minor)
	case snapshot.Socket:
		t.skipped(path, "sockets are not supported by tar")
		return nil
	default:
		h.Typeflag, h.Size = tar.TypeReg, e.Size
	}
	if e.Links > 1 {
		key := e.FileKey()
		if first, ok := t.links[key]; ok {
			h.Typeflag, h.Linkname, h.Size, h.PAXRecords = tar.TypeLink, first, 0, nil
		} else {
			t.links[key] = path
		}
	}
	if err := t.w.WriteHeader(h); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if h.Typeflag == tar.TypeReg {
		if err := t.view.WriteTo(t.ctx, t.w, e); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}
