package snapshot

import (
	"io/fs"
	"time"

	"github.com/qsnap/qsnap/chunk"
)

// A Type says what an entry is.
type Type byte

// The types of entries, by the numbers they are stored with.
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

// String returns the type's name, as restic has them.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "unknown"
}

// A Time is a moment as file systems keep it: seconds since 1970, UTC, and
// nanoseconds from 0 to 999,999,999.
type Time struct {
	Sec  int64
	Nsec int32
}

// Time returns the moment in the local time zone.
func (t Time) Time() time.Time { return time.Unix(t.Sec, int64(t.Nsec)) }

// TimeOf returns a moment as file systems keep it.
func TimeOf(t time.Time) Time { return Time{t.Unix(), int32(t.Nanosecond())} }

// A Chunk is a piece of a file's content.
type Chunk struct {
	ID     chunk.ID
	Length uint32
}

// A Hole is a stretch of a file that takes no space and reads as zeros.
type Hole struct{ Offset, Length int64 }

// An Xattr is an extended attribute. POSIX ACLs are those whose names begin with
// "system.posix_acl_".
type Xattr struct {
	Name  string
	Value []byte
}

// An Entry is a name in a directory and all that is known of what it names.
type Entry struct {
	Name string // one element of a path, as bytes: it need not be UTF-8
	Type Type
	Mode uint32 // permission bits as of chmod(2), with setuid 04000, setgid 02000 and sticky 01000

	UID, GID    uint32
	User, Group string // their names on the source, or empty

	MTime, CTime Time

	Inode  uint64
	Links  uint32 // of a non-directory with more than one name; else 0
	Device uint64 // that Inode belongs to, where Links isn't 0

	Size    int64    // of a file, holes included
	Content []Chunk  // of a file, in order, without its holes
	List    chunk.ID // of a file with more chunks than Content should hold: a content list
	Holes   []Hole   // of a file, in order

	Subtree      chunk.ID // of a directory
	Target       string   // of a symlink
	Major, Minor uint32   // of a device

	Xattrs []Xattr // sorted by name

	// Problem says why the content of a file, or the names in a directory, could
	// not be read. There is no Content, List or Subtree then.
	Problem string
}

// FileMode returns type and mode as io/fs has them.
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

// SetFileMode sets type and mode from what io/fs has.
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

// DataSize returns the bytes of a file without its holes.
func (e *Entry) DataSize() int64 {
	n := e.Size
	for _, h := range e.Holes {
		n -= h.Length
	}
	return n
}
