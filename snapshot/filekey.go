package snapshot

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// A FileKey identifies a file of a snapshot that has several names.
type FileKey [sha256.Size]byte

// FileKey returns the key of the file that an entry with Links names. Two entries of one
// snapshot name the same file if and only if they have the same key.
//
// Device and inode numbers are not enough: when one file system is unmounted and another
// is mounted during a run, both may use the same numbers. So names that can't belong to
// one file have different keys: they differ in type, size, content, mode, owner,
// modification time or extended attributes. The ctime is not compared, because a name
// whose content was taken from an older snapshot may have an older ctime.
func (e *Entry) FileKey() (key FileKey) {
	h := sha256.New()
	writeInts(h, e.Device, e.Inode, uint64(e.Type), uint64(e.Mode), uint64(e.UID), uint64(e.GID),
		uint64(e.MTime.Sec), uint64(e.MTime.Nsec), uint64(e.Size), uint64(e.Major), uint64(e.Minor),
		uint64(len(e.Content)), uint64(len(e.Holes)), uint64(len(e.Xattrs)))
	h.Write(e.List[:])
	for i := range e.Content {
		h.Write(e.Content[i].ID[:])
	}
	for _, hole := range e.Holes {
		writeInts(h, uint64(hole.Offset), uint64(hole.Length))
	}
	writeText(h, e.Target)
	for i := range e.Xattrs {
		writeText(h, e.Xattrs[i].Name)
		writeText(h, string(e.Xattrs[i].Value))
	}
	writeText(h, e.Problem)
	h.Sum(key[:0])
	return key
}

func writeInts(h hash.Hash, values ...uint64) {
	var b [8]byte
	for _, v := range values {
		binary.LittleEndian.PutUint64(b[:], v)
		h.Write(b[:])
	}
}

func writeText(h hash.Hash, text string) {
	writeInts(h, uint64(len(text)))
	h.Write([]byte(text))
}
