package disk

// An Identity identifies a file, and the mount it is seen through, among all existing
// files.
type Identity struct {
	Device, Inode uint64 // 0 if the system doesn't provide it
	Mount         uint64 // 0 if unknown
}

// On reports whether two files are on the same mounted file system.
func (p Identity) On(q Identity) bool { return p.Device == q.Device && p.Mount == q.Mount }
