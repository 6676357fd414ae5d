package disk

import "golang.org/x/sys/unix"

// casefoldFlag marks a directory in which names that differ in case, or in how their
// letters are composed, are one: FS_CASEFOLD_FL of linux/fs.h.
const casefoldFlag = 0x40000000

// Telling returns what is known of how the directory tells names apart.
func (d *Dir) Telling() Telling {
	var st unix.Statfs_t
	if unix.Fstatfs(d.fd, &st) != nil {
		return TellsPerhaps
	}
	switch uint32(st.Type) { // a signed word on some architectures
	case unix.EXT4_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.BCACHEFS_SUPER_MAGIC:
		flags, err := unix.IoctlGetInt(d.fd, unix.FS_IOC_GETFLAGS)
		switch {
		case err == nil && flags&casefoldFlag != 0:
			return FoldsCase
		case err == nil || err == unix.ENOTTY || err == unix.EOPNOTSUPP: // it has no such flags
			return TellsAll
		}
	case unix.BTRFS_SUPER_MAGIC, unix.RAMFS_MAGIC:
		return TellsAll
	case unix.MSDOS_SUPER_MAGIC, unix.EXFAT_SUPER_MAGIC, 0x4244, 0x482b: // the last two are HFS and HFS+
		return FoldsCase
	}
	return TellsPerhaps
}

// CanLink reports whether files in the directory can have several names, if that is known
// without writing to it.
func (d *Dir) CanLink() (can, known bool) {
	var st unix.Statfs_t
	if unix.Fstatfs(d.fd, &st) != nil {
		return false, false
	}
	switch uint32(st.Type) {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC,
		unix.BCACHEFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.RAMFS_MAGIC, unix.OVERLAYFS_SUPER_MAGIC:
		return true, true
	case unix.MSDOS_SUPER_MAGIC, unix.EXFAT_SUPER_MAGIC:
		return false, true
	}
	return false, false
}
