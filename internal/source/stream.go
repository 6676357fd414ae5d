package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// Stream returns a source that is one file with that name and the bytes of r. The file's
// time is the time of the call.
func Stream(name string, r io.Reader, now time.Time) (*Source, error) {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return nil, fmt.Errorf("%q can't be the name of a file in a snapshot: use a name without slashes", name)
	}
	d := &streamDir{name: name, r: r, time: snapshot.TimeOf(now)}
	return &Source{Paths: []string{"/" + name}, Layout: snapshot.Single, Open: func() (Dir, error) { return d, nil }}, nil
}

// streamDir is a directory with one file, which can be read once.
type streamDir struct {
	name string
	r    io.Reader
	time snapshot.Time
}

func (d *streamDir) Names() ([]string, error) { return []string{d.name}, nil }

func (d *streamDir) Lstat(name string, e *snapshot.Entry) (disk.Meta, error) {
	*e = snapshot.Entry{Name: name, Mode: 0o600, MTime: d.time, CTime: d.time, Size: StreamSize}
	return disk.Meta{}, nil
}

// StreamSize makes the capture read a stream like a large file.
const StreamSize = 1 << 62

func (d *streamDir) StampsHere() bool { return false }

func (d *streamDir) Self(e *snapshot.Entry) (disk.Meta, error) {
	*e = snapshot.Entry{Name: e.Name, Type: snapshot.Dir, Mode: 0o700, MTime: d.time, CTime: d.time}
	return disk.Meta{}, nil
}

func (d *streamDir) Describe(*snapshot.Entry) error { return nil }
func (d *streamDir) Sub(name string) (Dir, error)   { return nil, fs.ErrNotExist }
func (d *streamDir) Close() error                   { return nil }

func (d *streamDir) Open(name string, e *snapshot.Entry) (File, disk.Meta, error) {
	return streamFile{d}, disk.Meta{}, nil
}

// IsStream reports whether a file is a stream, whose size is not known before its end.
func IsStream(f File) bool {
	_, stream := f.(streamFile)
	return stream
}

type streamFile struct{ d *streamDir }

func (f streamFile) Read(p []byte) (int, error)                { return f.d.r.Read(p) }
func (f streamFile) Close() error                              { return nil }
func (f streamFile) Xattrs() ([]snapshot.Xattr, error)         { return nil, nil }
func (f streamFile) Holes(int64) ([]snapshot.Hole, error)      { return nil, nil }
func (f streamFile) SeekTo(int64) error                        { return errors.ErrUnsupported }
func (f streamFile) Stat(e *snapshot.Entry) (disk.Meta, error) { return f.d.Lstat(f.d.name, e) }
