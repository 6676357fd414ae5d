package view

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/snapshot"
)

// FS returns what is below a directory as a file system that implements fs.ReadDirFS,
// fs.StatFS and fs.ReadLinkFS. The context is that of all later calls.
//
// Names are UTF-8: a byte of a name that is not appears as U+FFFD and two hexadecimal
// digits.
func FS(ctx context.Context, blobs *blob.Reader, root *snapshot.Entry) fs.FS {
	return &fileSystem{ctx, blobs, root}
}

type fileSystem struct {
	ctx   context.Context
	blobs *blob.Reader
	root  *snapshot.Entry
}

var (
	_ fs.ReadDirFS  = (*fileSystem)(nil)
	_ fs.StatFS     = (*fileSystem)(nil)
	_ fs.ReadLinkFS = (*fileSystem)(nil)
)

// child returns the entry of a directory with a name, as the file system shows it.
func (f *fileSystem) child(dir *snapshot.Entry, name string) (*snapshot.Entry, error) {
	if dir.Type != snapshot.Dir {
		return nil, fs.ErrNotExist
	}
	if dir.Problem != "" {
		return nil, notCaptured(dir)
	}
	e, err := snapshot.Lookup(f.ctx, f.blobs, dir.Subtree, name)
	if !errors.Is(err, fs.ErrNotExist) || !strings.ContainsRune(name, utf8.RuneError) {
		return e, err
	}
	for e, err := range snapshot.ReadDir(f.ctx, f.blobs, dir.Subtree) {
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

// find returns the entry at a path. If that is a symbolic link and follow is set, it returns
// the entry that the link leads to.
func (f *fileSystem) find(op, name string, follow bool) (*snapshot.Entry, error) {
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

// Open implements fs.FS.
func (f *fileSystem) Open(name string) (fs.File, error) {
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
	return &openFile{fs: f, info: info, path: name}, nil
}

// Stat implements fs.StatFS.
func (f *fileSystem) Stat(name string) (fs.FileInfo, error) {
	e, err := f.find("stat", name, true)
	if err != nil {
		return nil, err
	}
	return entryInfo{e, path.Base(name)}, nil
}

// Lstat implements fs.ReadLinkFS.
func (f *fileSystem) Lstat(name string) (fs.FileInfo, error) {
	e, err := f.find("lstat", name, false)
	if err != nil {
		return nil, err
	}
	return entryInfo{e, path.Base(name)}, nil
}

// ReadLink implements fs.ReadLinkFS.
func (f *fileSystem) ReadLink(name string) (string, error) {
	e, err := f.find("readlink", name, false)
	if err != nil {
		return "", err
	}
	if e.Type != snapshot.Symlink {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	return e.Target, nil
}

// ReadDir implements fs.ReadDirFS.
func (f *fileSystem) ReadDir(name string) ([]fs.DirEntry, error) {
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
