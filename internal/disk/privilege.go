package disk

import (
	"slices"
	"strings"

	"github.com/qsnap/qsnap/snapshot"
)

// The mode bits that make a program run as its file's owner or group.
const (
	setUID = 0o4000
	setGID = 0o2000
)

// capability is the extended attribute that gives privileges to programs.
const capability = "security.capability"

// Withheld means that a file was restored without privileges that its entry has, because
// the file does not have the entry's owner and group: with them, a program that one user
// made would run as another user.
type Withheld struct {
	What []string // "set-user-ID bit", "set-group-ID bit", "capabilities"
}

// Error says what was withheld and why.
func (w *Withheld) Error() string {
	return "restored without its " + strings.Join(w.What, ", ") + ": its owner and group are not those of the snapshot"
}

// Granted returns the entry that a file with this owner and group may have, and what is
// withheld, or nil. Nothing is withheld from directories, where the bits only control
// inheritance.
//
// The set-group-ID bit requires only the group. The set-user-ID bit requires both,
// because the group may decide who can run the file.
func Granted(e *snapshot.Entry, uid, gid uint32) (*snapshot.Entry, *Withheld) {
	if e.Type == snapshot.Dir || !privileged(e) {
		return e, nil
	}
	mine, group := e.UID == uid && e.GID == gid, e.GID == gid
	granted, w := *e, new(Withheld)
	if e.Mode&setUID != 0 && !mine {
		granted.Mode &^= setUID
		w.What = append(w.What, "set-user-ID bit")
	}
	if e.Mode&setGID != 0 && !group {
		granted.Mode &^= setGID
		w.What = append(w.What, "set-group-ID bit")
	}
	if has := slices.IndexFunc(e.Xattrs, isCapability); has >= 0 && !mine {
		granted.Xattrs = slices.Delete(slices.Clone(e.Xattrs), has, has+1)
		w.What = append(w.What, "capabilities")
	}
	if w.What == nil {
		return e, nil
	}
	return &granted, w
}

func privileged(e *snapshot.Entry) bool {
	return e.Mode&(setUID|setGID) != 0 && e.Type != snapshot.Symlink || slices.ContainsFunc(e.Xattrs, isCapability)
}

func isCapability(x snapshot.Xattr) bool { return x.Name == capability }

// grant returns what Granted returns for the file's actual owner, and reports what is
// withheld. If the owner is unknown, grant assumes that it differs.
func grant(e *snapshot.Entry, owner func() (uid, gid uint32, err error), report func(error)) *snapshot.Entry {
	if e.Type == snapshot.Dir || !privileged(e) {
		return e
	}
	uid, gid, err := owner()
	if err != nil {
		uid, gid = ^e.UID, ^e.GID
	}
	granted, w := Granted(e, uid, gid)
	if w != nil {
		report(w)
	}
	return granted
}
