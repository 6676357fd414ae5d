package snapshot_test

import (
	"testing"

	"github.com/qsnap/qsnap/snapshot"
)

// Entries with the same numbers are one file only if nothing else tells them apart.
func TestEntriesThatCanNotBeOneFileHaveDifferentKeys(t *testing.T) {
	file := func() *snapshot.Entry {
		return &snapshot.Entry{
			Name: "a", Mode: 0o644, UID: 1, GID: 2, Inode: 5, Device: 7, Links: 2, MTime: snapshot.Time{Sec: 3, Nsec: 4},
			Size: 9, Content: []snapshot.Chunk{{Length: 9}}, Xattrs: []snapshot.Xattr{{Name: "user.a", Value: []byte("b")}},
		}
	}
	change := func(f func(*snapshot.Entry)) snapshot.FileKey {
		e := file()
		f(e)
		return e.FileKey()
	}
	key := file().FileKey()
	for what, f := range map[string]func(e *snapshot.Entry){
		"name": func(e *snapshot.Entry) { e.Name = "b" }, "links": func(e *snapshot.Entry) { e.Links = 3 },
		"time of change": func(e *snapshot.Entry) { e.CTime.Sec = 8 }, "name of the owner": func(e *snapshot.Entry) { e.User = "root" },
	} {
		if change(f) != key {
			t.Errorf("another %s makes it another file", what)
		}
	}
	for what, f := range map[string]func(e *snapshot.Entry){
		"device": func(e *snapshot.Entry) { e.Device++ }, "inode": func(e *snapshot.Entry) { e.Inode++ },
		"type": func(e *snapshot.Entry) { e.Type = snapshot.FIFO }, "mode": func(e *snapshot.Entry) { e.Mode = 0o600 },
		"user": func(e *snapshot.Entry) { e.UID++ }, "group": func(e *snapshot.Entry) { e.GID++ },
		"second": func(e *snapshot.Entry) { e.MTime.Sec++ }, "nanosecond": func(e *snapshot.Entry) { e.MTime.Nsec++ },
		"size": func(e *snapshot.Entry) { e.Size++ }, "chunk": func(e *snapshot.Entry) { e.Content[0].ID[0]++ },
		"list": func(e *snapshot.Entry) { e.List[0]++ }, "hole": func(e *snapshot.Entry) { e.Holes = []snapshot.Hole{{Length: 9}} },
		"attribute": func(e *snapshot.Entry) { e.Xattrs[0].Value = nil }, "attribute's name": func(e *snapshot.Entry) { e.Xattrs[0] = snapshot.Xattr{Name: "user.", Value: []byte("ab")} },
		"target": func(e *snapshot.Entry) { e.Target = "x" }, "major number": func(e *snapshot.Entry) { e.Major++ }, "minor number": func(e *snapshot.Entry) { e.Minor++ },
		"problem": func(e *snapshot.Entry) { e.Problem = "x" },
	} {
		if change(f) == key {
			t.Errorf("with another %s it is still the same file", what)
		}
	}
}
