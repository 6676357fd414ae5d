package view

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/qsnap/qsnap/snapshot"
)

// shownName returns a name as the file system shows it: as UTF-8.
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

// An entryInfo describes an entry under the name by which it was reached. It implements
// fs.FileInfo and fs.DirEntry.
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

// An openDir is an open directory of a fileSystem. It implements fs.ReadDirFile.
type openDir struct {
	fs      *fileSystem
	info    entryInfo
	path    string
	read    bool          // entries were read
	entries []fs.DirEntry // that are still to be returned
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openDir) Close() error               { return nil }

func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.path, Err: errors.New("is a directory")}
}

// ReadDir implements fs.ReadDirFile.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if !d.read {
		d.read = true
		if d.info.e.Problem != "" {
			return nil, &fs.PathError{Op: "readdir", Path: d.path, Err: notCaptured(d.info.e)}
		}
		for e, err := range snapshot.ReadDir(d.fs.ctx, d.fs.blobs, d.info.e.Subtree) {
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
