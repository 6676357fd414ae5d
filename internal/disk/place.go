package disk

// A Place tells one file, and the mount it is seen through, from all others at a time.
type Place struct {
	Device, Inode uint64 // 0 where the system doesn't tell
	Mount         uint64 // 0 where it isn't known
}

// On reports whether two files are on the same mounted file system.
func (p Place) On(q Place) bool { return p.Device == q.Device && p.Mount == q.Mount }
