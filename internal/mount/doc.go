// Package mount shows the snapshots of a repository as directories that any program can
// read, through FUSE.
//
//	snapshots/2026-11-20T14:05:09/…   every snapshot by its time, in the local zone
//	snapshots/latest                  a symbolic link to the newest
//	ids/3902e8f0/…                    by its short id
//	hosts/web1/2026-11-20T14:05:09/…  by its host, with a link latest for each
//	tags/nightly/2026-11-20T14:05:09/…
//
// If two snapshots have the same time, the name of the later one ends with its short id.
// Hosts and tags that can't be file names are escaped as in URLs.
//
// A snapshot never changes, so the kernel may cache everything that it has seen of it.
// The lists of snapshots are refreshed when they are read, but at most every two seconds.
// The memory holds the names that the kernel remembers, a few hundred bytes each; when
// the kernel forgets a name, so does this package. Content is read chunk by chunk on
// demand, and verified. Unreadable content is an I/O error for the reader, and is
// reported to Options.Report; everything else stays readable.
//
// Inode numbers are made from the snapshot and the path in it, so they are the same each
// time. The names of a hard-linked file share one.
//
// The package works on Linux, and on macOS with macFUSE. Elsewhere Start returns
// ErrUnsupported.
package mount

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/qsnap/qsnap/repo"
)

// Options configure a mount. The zero value is useful.
type Options struct {
	// Filter selects the snapshots to show.
	Filter repo.Filter
	// AllowOther allows access by other users, as far as the captured modes, owners and
	// ACLs allow. Without it only this user has access, and may read everything.
	AllowOther bool
	// Source is the source in the system's list of mounts.
	Source string
	// Now returns the time. Nil means time.Now.
	Now func() time.Time
	// Report is called for errors of reading, one call at a time, and not for the same
	// error again within ten seconds. It may be nil.
	Report func(error)
}

// ErrUnsupported means that this system can't mount.
var ErrUnsupported = errors.New("mounting is not supported on this system")

// A BusyError says that something can't be unmounted because it is in use.
type BusyError struct {
	Dir     string
	Holders []Holder // those that this user can see
}

// A Holder is a process that uses the mount, or another mount inside it.
type Holder struct {
	PID     int    // 0 for a mount
	Program string // its name, without arguments
	What    string // how it uses the mount
}

// maxNamed is how many holders an error names.
const maxNamed = 8

// Error names the holders.
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
		who = []string{"used by a process that this user can't see"}
	}
	return e.Dir + " is busy: " + strings.Join(who, "; ")
}
