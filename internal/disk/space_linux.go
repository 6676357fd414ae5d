package disk

import "golang.org/x/sys/unix"

// SpaceAt returns the free space for this user on the file system of a path.
func SpaceAt(path string) Space {
	var st unix.Statfs_t
	if unix.Statfs(path, &st) != nil || st.Blocks == 0 {
		return Space{}
	}
	return Space{
		Known: true, Bytes: st.Bavail * uint64(st.Bsize),
		InodesKnown: st.Files > 0, Inodes: st.Ffree,
	}
}
