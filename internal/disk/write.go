package disk

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// partPrefix begins the names of unfinished files and directories. Nothing in a snapshot
// is written under such a name.
const partPrefix = ".qsnap-part-"

// asidePrefix begins the names of what a restore has moved out of the way and not removed
// yet.
const asidePrefix = ".qsnap-aside-"

// IsPart reports whether a name is that of something that a writer left unfinished.
func IsPart(name string) bool { return strings.HasPrefix(name, partPrefix) }

// IsAside reports whether a name is that of something that a restore has moved out of the
// way. It may be the user's only copy.
func IsAside(name string) bool { return strings.HasPrefix(name, asidePrefix) }

// partName returns a new name for something unfinished.
func (o *Out) partName() string {
	var b [4]byte
	rand.Read(b[:])
	return partPrefix + string(o.session) + "-" + hex.EncodeToString(b[:])
}

// Keep says which attributes are restored.
type Keep struct {
	Owner bool // user and group; only root may set those of others
}
