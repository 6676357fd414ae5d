package snapshot

import (
	"io/fs"
	"time"

	"github.com/qsnap/qsnap/chunk"
)

// A Type says what kind of file an entry is.
type Type byte

// The types of entries, with the numbers that are stored.
const (
	File Type = iota
	Dir
	Symlink
	FIFO
	CharDevice
	BlockDevice
	Socket
)

var typeNames = [...]string{"file", "dir", "symlink", "fifo", "chardev", "dev", "socket"}

// String returns the type's name, as in restic.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "unknown"
}

// A Time is a moment as file systems store it: seconds since 1970, UTC, and nanoseconds
// from 0 to 999,999,999.
type Time struct {
	Sec  int64
	Nsec int32
}

// Time returns the moment in the local time zone.
func (t Time) Time() time.Time { return time.Unix(t.Sec, int64(t.Nsec)) }

// TimeOf converts a time.Time.
func TimeOf(t time.Time) Time { return Time{t.Unix(), int32(t.Nanosecond())} }

// A Chunk is a piece of a file's content.
type Chunk struct {
	ID     chunk.ID
	Length uint32
}

// A Hole is a range of a file that takes no space and reads as zeros.
type Hole struct{ Offset, Length int64 }

// An Xattr is an extended attribute. POSIX ACLs are those whose names begin with
// "system.posix_acl_".
type Xattr struct {
	Name  string
	Value []byte
}

// An Entry is a name in a directory with the metadata and content of the file that it
// names.
type Entry struct {
	Name string // one element of a path, as bytes: it need not be UTF-8
	Type Type
	Mode uint32 // permission bits as of chmod(2), with setuid 04000, setgid 02000 and sticky 01000

	UID, GID    uint32
	User, Group string // their names on the source, or empty

	MTime, CTime Time

	Inode  uint64
	Links  uint32 // of a non-directory with more than one name; otherwise 0
	Device uint64 // that Inode belongs to, if Links isn't 0

	Size    int64    // of a file, holes included
	Content []Chunk  // of a file, in order, without its holes
	List    chunk.ID // of a file with too many chunks for Content: its content list
	Holes   []Hole   // of a file, in order

	Subtree      chunk.ID // of a directory
	Target       string   // of a symlink
	Major, Minor uint32   // of a device

	Xattrs []Xattr // sorted by name

	// Problem says why the content of a file, or the names in a directory, could not be
	// read. Content, List and Subtree are empty then.
	Problem string
}

// FileMode converts type and mode to those of io/fs.
func (e *Entry) FileMode() fs.FileMode {
	mode := fs.FileMode(e.Mode & 0o777)
	for _, bit := range []struct {
		unix uint32
		fs   fs.FileMode
	}{{0o4000, fs.ModeSetuid}, {0o2000, fs.ModeSetgid}, {0o1000, fs.ModeSticky}} {
		if e.Mode&bit.unix != 0 {
			mode |= bit.fs
		}
	}
	switch e.Type {
	case Dir:
		mode |= fs.ModeDir
	case Symlink:
		mode |= fs.ModeSymlink
	case FIFO:
		mode |= fs.ModeNamedPipe
	case CharDevice:
		mode |= fs.ModeDevice | fs.ModeCharDevice
	case BlockDevice:
		mode |= fs.ModeDevice
	case Socket:
		mode |= fs.ModeSocket
	}
	return mode
}

// SetFileMode sets type and mode from those of io/fs.
func (e *Entry) SetFileMode(mode fs.FileMode) {
	e.Mode = uint32(mode.Perm())
	if mode&fs.ModeSetuid != 0 {
		e.Mode |= 0o4000
	}
	if mode&fs.ModeSetgid != 0 {
		e.Mode |= 0o2000
	}
	if mode&fs.ModeSticky != 0 {
		e.Mode |= 0o1000
	}
	switch mode.Type() {
	case fs.ModeDir:
		e.Type = Dir
	case fs.ModeSymlink:
		e.Type = Symlink
	case fs.ModeNamedPipe:
		e.Type = FIFO
	case fs.ModeDevice | fs.ModeCharDevice:
		e.Type = CharDevice
	case fs.ModeDevice:
		e.Type = BlockDevice
	case fs.ModeSocket:
		e.Type = Socket
	default:
		e.Type = File
	}
}

// DataSize returns the size of a file in bytes, without its holes.
func (e *Entry) DataSize() int64 {
	n := e.Size
	for _, h := range e.Holes {
		n -= h.Length
	}
	return n
}
