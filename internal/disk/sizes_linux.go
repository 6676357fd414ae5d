package disk

import "golang.org/x/sys/unix"

// Package unix has no names for these.
const (
	apparmorMagic = 0x5a3c69f0
	configMagic   = 0x62656570
	fuseCtlMagic  = 0x65735543
	mqueueMagic   = 0x19800202
	nfsdMagic     = 0x6e667364
	rpcPipeMagic  = 0x67596969
)

// Sizes returns how reliable sizes are on the directory's file system.
func (d *Dir) Sizes() Sizes { return sizes(d.fd) }

// Sizes returns how reliable sizes are on the file's file system.
func (f *File) Sizes() Sizes { return sizes(f.fd) }

func sizes(fd int) Sizes {
	var st unix.Statfs_t
	if unix.Fstatfs(fd, &st) != nil {
		return SizesKnown
	}
	switch uint32(st.Type) { // signed on some architectures
	case unix.FUSE_SUPER_MAGIC, unix.V9FS_MAGIC:
		return EmptyUnknown
	case unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC,
		unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC, unix.RDTGROUP_SUPER_MAGIC, unix.BPF_FS_MAGIC,
		unix.SELINUX_MAGIC, unix.SMACK_MAGIC, unix.BINFMTFS_MAGIC, unix.OPENPROM_SUPER_MAGIC, unix.XENFS_SUPER_MAGIC,
		apparmorMagic, configMagic, fuseCtlMagic, mqueueMagic, nfsdMagic, rpcPipeMagic:
		return SizesUnknown
	}
	return SizesKnown
}
