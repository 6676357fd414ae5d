package disk

import (
	"slices"
	"strings"

	"github.com/qsnap/qsnap/snapshot"
)

// The mode bits that let whoever runs a file act as its owner or its group.
const (
	setUID = 0o4000
	setGID = 0o2000
)

// capability is the attribute that gives privileges to whoever runs a file.
const capability = "security.capability"

// Withheld means that a file was restored without privileges that its entry has,
// because it does not have the entry's owner and group: with them, a program that one
// user made would run as another.
type Withheld struct {
	What []string // "set-user-ID bit", "set-group-ID bit", "capabilities"
}

// Error says what was withheld, and why.
func (w *Withheld) Error() string {
	return "restored without its " + strings.Join(w.What, ", ") + ": its owner and group are not those of the snapshot"
}

// Granted returns the entry as a file that has this owner and this group may have
// it, and what is withheld of it or nil. Nothing is withheld of directories, where
// the bits only say what is inherited.
//
// The set-group-ID bit needs the group alone. The set-user-ID bit needs both, because
// the group may decide who can run the file.
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

// grant returns what Granted does for the owner that a file turns out to have, and
// reports what is withheld. Where the owner isn't known, it is taken for another.
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
