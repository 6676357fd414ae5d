package take

import (
	"io"
	"io/fs"
	"time"

	"github.com/qsnap/qsnap/internal/source"
)

// A Source is what a snapshot is taken of.
type Source struct {
	open   func(now time.Time) (*source.Source, error)
	once   bool // it can be read only once
	onDisk bool // its paths are those of this machine
}

// Paths returns the source that is files and directories of this machine.
func Paths(paths ...string) Source {
	return Source{onDisk: true, open: func(time.Time) (*source.Source, error) { return source.Paths(paths...) }}
}

// FS returns the source that is a file system. The name stands for its path.
func FS(fsys fs.FS, name string) Source {
	return Source{open: func(time.Time) (*source.Source, error) { return source.FS(fsys, name), nil }}
}

// Stream returns the source that is a single file with the bytes of r.
func Stream(name string, r io.Reader) Source {
	return Source{once: true, open: func(now time.Time) (*source.Source, error) { return source.Stream(name, r, now) }}
}
