package disk

// An Identity identifies a file, and the mount it is seen through, among all existing
// files.
type Identity struct {
	Device, Inode uint64 // 0 if the system doesn't provide it
	Mount         uint64 // 0 if unknown
}

// On reports whether two files are on the same mounted file system.
func (p Identity) On(q Identity) bool { return p.Device == q.Device && p.Mount == q.Mount }

// File returns which file it is, whatever file system is mounted there.
func (p Identity) File() FileID { return FileID{p.Device, p.Inode} }

// A FileID identifies a file on a machine.
type FileID struct{ Device, Inode uint64 }
