package disk

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// partPrefix begins the names of what is still being written. Nothing in a
// snapshot is written under such a name.
const partPrefix = ".qsnap-part-"

// IsPart reports whether a name is that of something a writer left unfinished.
func IsPart(name string) bool { return strings.HasPrefix(name, partPrefix) }

func partName() string {
	var b [8]byte
	rand.Read(b[:])
	return partPrefix + hex.EncodeToString(b[:])
}

// Keep says which attributes are restored.
type Keep struct {
	Owner bool // user and group; only root may set others than its own
}
