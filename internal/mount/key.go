package mount

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/qsnap/qsnap/snapshot"
)

// A key stands for one inode, by a hash of where it is. Its 16 bytes are more than
// an inode number can be, so that no two files are ever taken for one.
type key [16]byte

// What a key is made from, beside the key of what it is in.
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

// entry returns the key of an entry of a directory with key k, in the snapshot with
// key root. Names of one file on the source are one here if they are alike, too.
func (k key) entry(root key, e *snapshot.Entry) key {
	if e.Links == 0 || e.Type == snapshot.Dir {
		return k.of(keyOfName, []byte(e.Name))
	}
	file := e.FileKey()
	b := binary.LittleEndian.AppendUint64(file[:], uint64(e.CTime.Sec)) // which stat tells
	return root.of(keyOfFile, binary.LittleEndian.AppendUint64(b, uint64(e.CTime.Nsec)))
}

// inode returns the inode number, and what tells apart those who share it.
func (k key) inode() (number, generation uint64) {
	number = binary.LittleEndian.Uint64(k[:8]) &^ (1 << 63)
	return max(number, 2), binary.LittleEndian.Uint64(k[8:])
}
