package repo

import (
	"io"
	"io/fs"

	"github.com/qsnap/qsnap/internal/take"
)

// A Source is what a snapshot is taken of.
type Source struct{ source take.Source }

// Paths returns the source that is files and directories of this machine. The snapshot of
// one directory is that directory. The snapshot of one other path holds its last element,
// and that of several paths holds each in full. A path that is a symbolic link to a
// directory, or leads through one, stands for the directory.
//
// A path that can't be captured is in the manifest's Missing. If none can be captured,
// there is no snapshot.
func Paths(paths ...string) Source { return Source{take.Paths(paths...)} }

// FromFS returns the source that is a file system. The name stands for its path: snapshots
// of one name are versions of one source. The methods of the file system are called by
// several goroutines at once.
func FromFS(fsys fs.FS, name string) Source { return Source{take.FS(fsys, name)} }

// Stream returns the source that is a single file with the bytes of r up to io.EOF. Any
// other error of r fails the snapshot.
func Stream(name string, r io.Reader) Source { return Source{take.Stream(name, r)} }
