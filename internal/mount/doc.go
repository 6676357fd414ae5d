// Package mount shows the snapshots of a repository as directories that any program
// can read, through FUSE.
//
//	snapshots/2026-11-20T14:05:09/…   every snapshot by its time, in the local zone
//	snapshots/latest                  a symbolic link to the newest
//	ids/3902e8f0/…                    by its short id
//	hosts/web1/2026-11-20T14:05:09/…  by its host, with a link latest for each
//	tags/nightly/2026-11-20T14:05:09/…
//
// Of two with the same time the later has its short id behind it. Hosts and tags
// that can't be names of files are escaped as in URLs.
//
// What is in a snapshot never changes, so the kernel may keep all it has seen of it.
// The lists of snapshots are looked at again when they are read, but not more often
// than every two seconds. In memory is what the kernel remembers at the time, a few
// hundred bytes a name; when the kernel forgets a name, so does this. Content is read
// chunk by chunk as it is asked for, and checked on the way. What can't be read is an
// I/O error for who asked, and told to Options.Report; all else can be read on.
//
// Inode numbers are made from the snapshot and the path in it, so they are the same
// each time. The names of a hard-linked file share one.
//
// It works on Linux, and on macOS with macFUSE. Elsewhere Start returns
// ErrUnsupported.
package mount

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/qsnap/qsnap/repo"
)

// Options of a mount. The zero value is useful.
type Options struct {
	// Select picks the snapshots to show.
	Select repo.Select
	// AllowOther lets other users than this one in too, as far as the modes, owners
	// and ACLs that were captured allow. Without it only this user is let in, and may
	// read everything.
	AllowOther bool
	// Source is what the system's list of mounts names as the source.
	Source string
	// Now tells the time. Nil is time.Now.
	Now func() time.Time
	// Report is told what can't be read, one call at a time and the same thing not
	// again within ten seconds. Nil tells nobody.
	Report func(error)
}

// ErrUnsupported means that this system can't mount.
var ErrUnsupported = errors.New("mounting is not supported on this system")

// A BusyError says that something can't be unmounted because it is in use.
type BusyError struct {
	Dir     string
	Holders []Holder // as far as this user can see them
}

// A Holder is a process that uses what is mounted, or another mount inside it.
type Holder struct {
	PID     int    // 0 for a mount
	Program string // its name, without arguments
	What    string // how it does
}

// maxNamed is how many holders an error names.
const maxNamed = 8

// Error names who uses it.
func (e *BusyError) Error() string {
	var who []string
	for i, h := range e.Holders {
		if i == maxNamed {
			who = append(who, fmt.Sprintf("and %d more", len(e.Holders)-i))
			break
		}
		if h.PID == 0 {
			who = append(who, h.What)
		} else {
			who = append(who, fmt.Sprintf("%s (pid %d): %s", h.Program, h.PID, h.What))
		}
	}
	if len(who) == 0 {
		who = []string{"used by something that this user can't see"}
	}
	return e.Dir + " is busy: " + strings.Join(who, "; ")
}
