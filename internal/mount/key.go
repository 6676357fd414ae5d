package mount

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/qsnap/qsnap/snapshot"
)

// A key identifies one inode: it is a hash of its position. Its 16 bytes are more than an
// inode number has, so that no two files are ever confused.
type key [16]byte

// The kinds of keys: what a key is derived from, in addition to its parent's key.
const (
	keyOfName    = 'n' // a name in a directory
	keyOfVersion = 'v' // a snapshot in a folder, by its id
	keyOfFile    = 'f' // a file with several names in a snapshot
	keyOfLink    = 'l' // a link in a folder, by its target
)

func (k key) of(what byte, data []byte) key {
	b := make([]byte, 0, 256)
	b = append(append(append(b, k[:]...), what), data...)
	hash := sha256.Sum256(b)
	return key(hash[:len(k)])
}

// entry returns the key of an entry of a directory with key k, in the snapshot with key
// root. Names of one file on the source share a key if their attributes are equal, too.
func (k key) entry(root key, e *snapshot.Entry) key {
	if e.Links == 0 || e.Type == snapshot.Dir {
		return k.of(keyOfName, []byte(e.Name))
	}
	file := e.FileKey()
	b := binary.LittleEndian.AppendUint64(file[:], uint64(e.CTime.Sec)) // stat reports it
	return root.of(keyOfFile, binary.LittleEndian.AppendUint64(b, uint64(e.CTime.Nsec)))
}

// inode returns the inode number, and a generation that distinguishes inodes with the
// same number.
func (k key) inode() (number, generation uint64) {
	number = binary.LittleEndian.Uint64(k[:8]) &^ (1 << 63)
	return max(number, 2), binary.LittleEndian.Uint64(k[8:])
}
