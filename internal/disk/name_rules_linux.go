package disk

import "golang.org/x/sys/unix"

// casefoldFlag marks a directory that ignores case and the composition of letters:
// FS_CASEFOLD_FL of linux/fs.h.
const casefoldFlag = 0x40000000

// NameRules returns which names the directory treats as the same.
func (d *Dir) NameRules() NameRules {
	var st unix.Statfs_t
	if unix.Fstatfs(d.fd, &st) != nil {
		return RulesUnknown
	}
	switch uint32(st.Type) { // signed on some architectures
	case unix.EXT4_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.BCACHEFS_SUPER_MAGIC:
		flags, err := unix.IoctlGetInt(d.fd, unix.FS_IOC_GETFLAGS)
		switch {
		case err == nil && flags&casefoldFlag != 0:
			return FoldsCase
		case err == nil || err == unix.ENOTTY || err == unix.EOPNOTSUPP: // the file system has no such flags
			return AllDistinct
		}
	case unix.BTRFS_SUPER_MAGIC, unix.RAMFS_MAGIC:
		return AllDistinct
	case unix.MSDOS_SUPER_MAGIC, unix.EXFAT_SUPER_MAGIC, 0x4244, 0x482b: // the last two are HFS and HFS+
		return FoldsCase
	}
	return RulesUnknown
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
