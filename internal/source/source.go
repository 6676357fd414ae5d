package source

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// A Source is what a capture reads.
type Source struct {
	Paths   []string
	Layout  snapshot.Layout
	Missing []snapshot.Missing // named paths that can't be accessed

	Open     func() (Dir, error) // opens the root
	Selected *Selection          // the named paths below the root, or nil
}

// A Dir is a directory of a source. Several goroutines may call its methods.
type Dir interface {
	Names() ([]string, error)                                     // sorted as bytes
	Lstat(name string, e *snapshot.Entry) (disk.Meta, error)      // the cheap attributes
	Describe(e *snapshot.Entry) error                             // the other attributes, except those of files and directories
	Self(e *snapshot.Entry) (disk.Meta, error)                    // of the directory itself
	StampsHere() bool                                             // see disk.Dir
	Sub(name string) (Dir, error)                                 // opens a directory in it
	Open(name string, e *snapshot.Entry) (File, disk.Meta, error) // opens a file in it, and sets its cheap attributes
	Close() error
}

// A File is an open file of a source.
type File interface {
	io.ReadCloser
	Stat(e *snapshot.Entry) (disk.Meta, error)
	Xattrs() ([]snapshot.Xattr, error)
	Holes(size int64) ([]snapshot.Hole, error)
	SeekTo(offset int64) error // may fail if the file has no holes
}

// Full returns the path on the source of a path that is relative to the root.
func (s *Source) Full(rel string) string {
	switch s.Layout {
	case snapshot.Tree:
		return filepath.Join(s.Paths[0], filepath.FromSlash(rel))
	case snapshot.Single:
		return filepath.Join(filepath.Dir(s.Paths[0]), filepath.FromSlash(rel))
	}
	return filepath.Join(volumeRoot(s.Paths[0]), filepath.FromSlash(rel))
}

// Reason returns the text of an error without the path.
func Reason(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Op + ": " + p.Err.Error()
	}
	return err.Error()
}
