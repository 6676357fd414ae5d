// Package disk reads files with all metadata that a snapshot keeps, and writes them back.
//
// Reading and writing reach a name only through its open directory, one element at a time
// and never through a symbolic link. So paths may be longer than PATH_MAX, and concurrent
// changes to the tree can't lead out of it.
//
// What is kept depends on the system:
//
//	Linux        everything an Entry has
//	macOS        not extended attributes, ACLs and holes; not FIFOs, devices and
//	             sockets when writing
//	elsewhere    names, types, sizes, modification times, symbolic links, and
//	             what os.Chmod sets (on Windows the read-only flag)
package disk

import (
	"os/user"
	"strconv"
	"sync"
	"sync/atomic"
)

// Meta is metadata of a file that is not in its entry.
type Meta struct {
	Device    uint64 // number of the file system
	Allocated int64  // bytes on disk, or the size if that is unknown
	Followed  bool   // the file was reached through a symbolic link
}

// owners caches the names of users and groups.
type owners struct {
	last atomic.Pointer[owner] // most files have the same owner

	mu     sync.Mutex
	lookup func(id string) string
	names  map[uint32]string
}

type owner struct {
	id   uint32
	name string
}

func (o *owners) name(id uint32) string {
	if last := o.last.Load(); last != nil && last.id == id {
		return last.name
	}
	name := o.find(id)
	o.last.Store(&owner{id, name})
	return name
}

func (o *owners) find(id uint32) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	name, ok := o.names[id]
	if !ok {
		name = o.lookup(strconv.FormatUint(uint64(id), 10))
		if o.names == nil {
			o.names = map[uint32]string{}
		}
		o.names[id] = name
	}
	return name
}

// The name of an id is empty if there is none.
var (
	users = owners{lookup: func(id string) string {
		if u, err := user.LookupId(id); err == nil {
			return u.Username
		}
		return ""
	}}
	groups = owners{lookup: func(id string) string {
		if g, err := user.LookupGroupId(id); err == nil {
			return g.Name
		}
		return ""
	}}
)
