package repo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/snapshot"
)

func fileSystem(ctx context.Context, e *engine.Engine, m *snapshot.Manifest) fs.FS {
	return &snapshotFS{ctx, e, &m.Root}
}

type snapshotFS struct {
	ctx  context.Context
	e    *engine.Engine
	root *snapshot.Entry
}

var (
	_ fs.ReadDirFS  = (*snapshotFS)(nil)
	_ fs.StatFS     = (*snapshotFS)(nil)
	_ fs.ReadLinkFS = (*snapshotFS)(nil)
)

// shownName returns a name as UTF-8.
func shownName(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	var out strings.Builder
	for name != "" {
		c, size := utf8.DecodeRuneInString(name)
		if c == utf8.RuneError && size == 1 {
			fmt.Fprintf(&out, "\uFFFD%02x", name[0])
		} else {
			out.WriteString(name[:size])
		}
		name = name[size:]
	}
	return out.String()
}

// child returns the entry of a shown name in a directory.
func (f *snapshotFS) child(dir *snapshot.Entry, name string) (*snapshot.Entry, error) {
	if dir.Type != snapshot.Dir {
		return nil, fs.ErrNotExist
	}
	if dir.Problem != "" {
		return nil, notCaptured(dir)
	}
	e, err := snapshot.Lookup(f.ctx, f.e.Blobs, dir.Subtree, name)
	if !errors.Is(err, fs.ErrNotExist) || !strings.ContainsRune(name, utf8.RuneError) {
		return e, err
	}
	for e, err := range snapshot.ReadDir(f.ctx, f.e.Blobs, dir.Subtree) {
		if err != nil {
			return nil, err
		}
		if shownName(e.Name) == name {
			return e, nil
		}
	}
	return nil, fs.ErrNotExist
}

// maxLinks bounds the symbolic links that are followed on the way to a file.
const maxLinks = 40

// find returns the entry of a path, and follows a symbolic link there if told to.
func (f *snapshotFS) find(op, name string, follow bool) (*snapshot.Entry, error) {
	fail := func(err error) (*snapshot.Entry, error) { return nil, &fs.PathError{Op: op, Path: name, Err: err} }
	if !fs.ValidPath(name) {
		return fail(fs.ErrInvalid)
	}
	at := []*snapshot.Entry{f.root} // the directories on the way
	rest := name
	for links := 0; rest != ""; {
		var element string
		element, rest, _ = strings.Cut(rest, "/")
		switch element {
		case "", ".":
			continue
		case "..":
			if len(at) == 1 {
				return fail(fs.ErrNotExist) // a link that leads out
			}
			at = at[:len(at)-1]
			continue
		}
		e, err := f.child(at[len(at)-1], element)
		if err != nil {
			return fail(err)
		}
		if e.Type == snapshot.Symlink && (rest != "" || follow) {
			if links++; links > maxLinks || path.IsAbs(e.Target) {
				return fail(fs.ErrNotExist)
			}
			rest = e.Target + "/" + rest
			continue
		}
		at = append(at, e)
	}
	return at[len(at)-1], nil
}

// Open is part of fs.FS.
func (f *snapshotFS) Open(name string) (fs.File, error) {
	e, err := f.find("open", name, true)
	if err != nil {
		return nil, err
	}
	info := entryInfo{e, path.Base(name)}
	if e.Type == snapshot.Dir {
		return &openDir{fs: f, info: info, path: name}, nil
	}
	if e.Problem != "" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: notCaptured(e)}
	}
	return &openFile{e: f.e, ctx: f.ctx, info: info, path: name}, nil
}

// Stat is part of fs.StatFS.
func (f *snapshotFS) Stat(name string) (fs.FileInfo, error) {
	e, err := f.find("stat", name, true)
	if err != nil {
		return nil, err
	}
	return entryInfo{e, path.Base(name)}, nil
}

// Lstat is part of fs.ReadLinkFS.
func (f *snapshotFS) Lstat(name string) (fs.FileInfo, error) {
	e, err := f.find("lstat", name, false)
	if err != nil {
		return nil, err
	}
	return entryInfo{e, path.Base(name)}, nil
}

// ReadLink is part of fs.ReadLinkFS.
func (f *snapshotFS) ReadLink(name string) (string, error) {
	e, err := f.find("readlink", name, false)
	if err != nil {
		return "", err
	}
	if e.Type != snapshot.Symlink {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	return e.Target, nil
}

// ReadDir is part of fs.ReadDirFS.
func (f *snapshotFS) ReadDir(name string) ([]fs.DirEntry, error) {
	file, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	dir, ok := file.(*openDir)
	if !ok {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	return dir.ReadDir(-1)
}

// entryInfo describes an entry under the name by which it was reached. It
// implements fs.FileInfo and fs.DirEntry.
type entryInfo struct {
	e    *snapshot.Entry
	name string
}

func (i entryInfo) Name() string               { return i.name }
func (i entryInfo) Size() int64                { return i.e.Size }
func (i entryInfo) Mode() fs.FileMode          { return i.e.FileMode() }
func (i entryInfo) Type() fs.FileMode          { return i.e.FileMode().Type() }
func (i entryInfo) ModTime() time.Time         { return i.e.MTime.Time() }
func (i entryInfo) IsDir() bool                { return i.e.Type == snapshot.Dir }
func (i entryInfo) Sys() any                   { return i.e }
func (i entryInfo) Info() (fs.FileInfo, error) { return i, nil }
func (i entryInfo) String() string             { return fs.FormatFileInfo(i) }

// openDir implements fs.ReadDirFile.
type openDir struct {
	fs      *snapshotFS
	info    entryInfo
	path    string
	entries []fs.DirEntry
	read    bool
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openDir) Close() error               { return nil }

func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.path, Err: errors.New("is a directory")}
}

// ReadDir is part of fs.ReadDirFile.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if !d.read {
		d.read = true
		if d.info.e.Problem != "" {
			return nil, &fs.PathError{Op: "readdir", Path: d.path, Err: notCaptured(d.info.e)}
		}
		for e, err := range snapshot.ReadDir(d.fs.ctx, d.fs.e.Blobs, d.info.e.Subtree) {
			if err != nil {
				return nil, &fs.PathError{Op: "readdir", Path: d.path, Err: err}
			}
			d.entries = append(d.entries, entryInfo{e, shownName(e.Name)})
		}
	}
	if n <= 0 {
		out := d.entries
		d.entries = nil
		return out, nil
	}
	if len(d.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.entries))
	out := d.entries[:n]
	d.entries = d.entries[n:]
	return out, nil
}
