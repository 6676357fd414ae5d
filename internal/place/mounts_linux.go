package place

import (
	"os"
	"slices"
	"strings"
)

// remoteSystems are the types of file systems that another machine or program serves.
var remoteSystems = []string{"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "autofs", "ceph", "coda", "fuse", "gfs2", "glusterfs", "lustre", "ncpfs", "ocfs2", "orangefs"}

// remoteMounts returns the mount points of such file systems.
func remoteMounts() (points []string) {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(table)) {
		before, after, found := strings.Cut(line, " - ")
		fields := strings.Fields(before)
		if !found || len(fields) < 5 {
			continue
		}
		kind, _, _ := strings.Cut(after, " ")
		if slices.Contains(remoteSystems, kind) || strings.HasPrefix(kind, "fuse.") {
			points = append(points, unquoteMount(fields[4]))
		}
	}
	return points
}

// unquoteMount reads a path in which odd bytes are written as three octal digits.
func unquoteMount(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			b.WriteByte((s[i+1]-'0')<<6 | (s[i+2]-'0')<<3 | (s[i+3] - '0'))
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
