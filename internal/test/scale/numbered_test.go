//go:build scale && linux

package scale

import (
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
)

// numbered is a file system of directories with files in them, as many as it says. It
// takes no space. What is in a file is the file's path.
type numbered struct{ dirs, files int }

// long is before all snapshots, so that files of that time need no second look.
var long = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

func (n numbered) Stat(path string) (fs.FileInfo, error) {
	_, name, in := strings.Cut(path, "/")
	if !in {
		return numberedInfo{name: path, mode: fs.ModeDir | 0o755}, nil
	}
	return numberedInfo{name, len(path), 0o644}, nil
}

func (n numbered) Open(path string) (fs.File, error) {
	info, err := n.Stat(path)
	return numberedFile{strings.NewReader(path), info}, err
}

func (n numbered) ReadDir(path string) (entries []fs.DirEntry, err error) {
	count, mode := n.files, fs.FileMode(0o644)
	if path == "." {
		count, mode = n.dirs, fs.ModeDir|0o755
	}
	for i := range count {
		entries = append(entries, fs.FileInfoToDirEntry(numberedInfo{name: fmt.Sprintf("%05d", i), mode: mode}))
	}
	return entries, nil
}

type numberedFile struct {
	io.Reader
	info fs.FileInfo
}

func (f numberedFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f numberedFile) Close() error               { return nil }

type numberedInfo struct {
	name string
	size int
	mode fs.FileMode
}

func (i numberedInfo) Name() string       { return i.name }
func (i numberedInfo) Size() int64        { return int64(i.size) }
func (i numberedInfo) Mode() fs.FileMode  { return i.mode }
func (i numberedInfo) ModTime() time.Time { return long }
func (i numberedInfo) IsDir() bool        { return i.mode.IsDir() }
func (i numberedInfo) Sys() any           { return nil }
