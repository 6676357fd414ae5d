package report

import (
	"io/fs"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

// ListedSnapshot is the snapshot whose nodes follow.
type ListedSnapshot struct {
	Head
	StructType string `json:"struct_type"`
	Snapshot
}

// NewListedSnapshot returns the ListedSnapshot of a manifest.
func NewListedSnapshot(m *snapshot.Manifest) ListedSnapshot {
	return ListedSnapshot{Head{"snapshot"}, "snapshot", NewSnapshot(m)}
}

// Node is a file, a directory or another entry of a snapshot.
type Node struct {
	Head
	StructType  string      `json:"struct_type"`
	Name        string      `json:"name"`
	Type        string      `json:"type"`
	Path        string      `json:"path"`
	PathBase64  string      `json:"path_base64,omitempty" doc:"if it is not UTF-8"`
	UID         uint32      `json:"uid"`
	GID         uint32      `json:"gid"`
	User        string      `json:"user,omitempty"`
	Group       string      `json:"group,omitempty"`
	Size        *int64      `json:"size,omitempty" doc:"of files"`
	Mode        fs.FileMode `json:"mode" doc:"bits as of Go's fs.FileMode"`
	Permissions string      `json:"permissions"`
	MTime       time.Time   `json:"mtime"`
	CTime       time.Time   `json:"ctime"`
	Inode       uint64      `json:"inode,omitempty"`
	LinkTarget  string      `json:"linktarget,omitempty"`
	Error       string      `json:"error,omitempty" doc:"why it was not captured"`
}

// NewNode returns the Node of an entry. The path is relative to the root of the snapshot.
func NewNode(path string, e *snapshot.Entry) Node {
	n := Node{
		Head: Head{"node"}, StructType: "node", Name: e.Name, Type: e.Type.String(), Path: "/" + path, PathBase64: base64Of(path),
		UID: e.UID, GID: e.GID, User: e.User, Group: e.Group,
		Mode: e.FileMode(), Permissions: Permissions(e), MTime: e.MTime.Time(), CTime: e.CTime.Time(),
		Inode: e.Inode, LinkTarget: e.Target, Error: e.Problem,
	}
	if e.Type == snapshot.File {
		n.Size = &e.Size
	}
	return n
}

// Permissions returns type and mode as ls -l shows them.
func Permissions(e *snapshot.Entry) string {
	b := []byte("-rwxrwxrwx")
	b[0] = "-dlpcbs"[e.Type]
	for i := range 9 {
		if e.Mode&(1<<(8-i)) == 0 {
			b[i+1] = '-'
		}
	}
	for _, special := range []struct {
		bit uint32
		at  int
		set byte
	}{{0o4000, 3, 's'}, {0o2000, 6, 's'}, {0o1000, 9, 't'}} {
		if e.Mode&special.bit == 0 {
			continue
		}
		if b[special.at] == '-' {
			special.set -= 'a' - 'A'
		}
		b[special.at] = special.set
	}
	return string(b)
}

// FoundIn is what patterns met in one snapshot.
type FoundIn struct {
	Snapshot snapshot.ID `json:"snapshot"`
	Hits     int         `json:"hits"`
	Matches  []Node      `json:"matches"`
}

// Change is what differs in one path between two snapshots.
type Change struct {
	Head
	Path        string `json:"path"`
	PathBase64  string `json:"path_base64,omitempty" doc:"if it is not UTF-8"`
	Modifier    string `json:"modifier" doc:"a letter or sign: see \"qsnap diff --help\""`
	BeforeBytes *int64 `json:"before_bytes,omitempty" doc:"of files, with --stat"`
	AfterBytes  *int64 `json:"after_bytes,omitempty" doc:"the same"`
	*ContentBytes
}

// ContentBytes are bytes in chunks that only one side has: known with --stat.
type ContentBytes struct {
	Added   uint64 `json:"added_bytes"`
	Removed uint64 `json:"removed_bytes"`
}

// NewChange returns a Change of a path, which is relative to the root of the snapshots.
func NewChange(change snapshot.Change, modifier string) Change {
	some := change.After
	if some == nil {
		some = change.Before
	}
	out := Change{Head: Head{"change"}, Path: "/" + change.Path, PathBase64: base64Of(change.Path), Modifier: modifier}
	if some.Type == snapshot.Dir {
		out.Path += "/"
	}
	return out
}

// Directory sums up the changes of content below a directory on top.
type Directory struct {
	Head
	Path       string `json:"path" doc:"\"/\" stands for what is in no directory"`
	PathBase64 string `json:"path_base64,omitempty" doc:"if it is not UTF-8"`
	Paths      int    `json:"paths"`
	ContentBytes
}

// NewDirectory returns a Directory of a name on top, or of the empty name.
func NewDirectory(name string, paths int, bytes ContentBytes) Directory {
	return Directory{Head{"directory"}, "/" + name, base64Of(name), paths, bytes}
}

// DiffStatistics sum up the changes between two snapshots.
type DiffStatistics struct {
	Head
	Source       snapshot.ID `json:"source_snapshot"`
	Target       snapshot.ID `json:"target_snapshot"`
	ChangedFiles int         `json:"changed_files"`
	Added        Side        `json:"added"`
	Removed      Side        `json:"removed"`
	Attributes   int         `json:"changed_attributes"`
	*ContentBytes
}

// Side counts what only one of two snapshots has.
type Side struct {
	Files  int    `json:"files"`
	Dirs   int    `json:"dirs"`
	Others int    `json:"others"`
	Bytes  uint64 `json:"bytes"`
}

// Add counts an entry.
func (s *Side) Add(e *snapshot.Entry) {
	switch e.Type {
	case snapshot.File:
		s.Files++
		s.Bytes += uint64(e.Size)
	case snapshot.Dir:
		s.Dirs++
	default:
		s.Others++
	}
}

// NewDiffStatistics returns DiffStatistics that count nothing yet.
func NewDiffStatistics(source, target snapshot.ID) DiffStatistics {
	return DiffStatistics{Head: Head{"statistics"}, Source: source, Target: target}
}
