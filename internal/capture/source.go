package capture

import (
	"io"
	"path/filepath"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// A Source is what a capture reads.
type Source struct {
	Paths   []string
	Layout  snapshot.Layout
	Missing []snapshot.Missing // named paths that can't be accessed

	open     func() (directory, error)
	selected *selection // the named paths below the root, or nil
}

// A directory is a directory of a source. Several goroutines may call its methods.
type directory interface {
	Names() ([]string, error)                                     // sorted as bytes
	Lstat(name string, e *snapshot.Entry) (disk.Meta, error)      // the cheap attributes
	Describe(e *snapshot.Entry) error                             // the other attributes, except those of files and directories
	Self(e *snapshot.Entry) (disk.Meta, error)                    // of the directory itself
	StampsHere() bool                                             // see disk.Dir
	sub(name string) (directory, error)                           //
	open(name string, e *snapshot.Entry) (file, disk.Meta, error) //
	Close() error
}

// A file is an open file of a source.
type file interface {
	io.ReadCloser
	Stat(e *snapshot.Entry) (disk.Meta, error)
	Xattrs() ([]snapshot.Xattr, error)
	Holes(size int64) ([]snapshot.Hole, error)
	SeekTo(offset int64) error // may fail if the file has no holes
}

// diskDir is a directory on disk.
type diskDir struct{ *disk.Dir }

func (d diskDir) sub(name string) (directory, error) {
	s, err := d.Dir.Sub(name)
	if err != nil {
		return nil, err
	}
	return diskDir{s}, nil
}

func (d diskDir) open(name string, e *snapshot.Entry) (file, disk.Meta, error) {
	f, meta, err := d.Dir.Open(name, e)
	if err != nil {
		return nil, meta, err
	}
	return f, meta, nil
}

func openDisk(path string) (directory, error) {
	d, err := disk.OpenDir(path)
	if err != nil {
		return nil, err
	}
	return diskDir{d}, nil
}

// full returns the path on the source of a path that is relative to the root.
func (s *Source) full(rel string) string {
	switch s.Layout {
	case snapshot.Tree:
		return filepath.Join(s.Paths[0], filepath.FromSlash(rel))
	case snapshot.Single:
		return filepath.Join(filepath.Dir(s.Paths[0]), filepath.FromSlash(rel))
	}
	return filepath.Join(volumeRoot(s.Paths[0]), filepath.FromSlash(rel))
}
