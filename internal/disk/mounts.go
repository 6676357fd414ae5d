package disk

import (
	"bufio"
	"bytes"
	"strconv"
	"strings"
)

// Mounts are the mount points of a system, with the types of their file systems.
type Mounts map[string]string

// ParseMounts parses /proc/self/mountinfo. Of several mounts at one place, the topmost
// counts, which is the last. Lines that it can't parse are ignored.
func ParseMounts(text []byte) Mounts {
	m := Mounts{}
	for line := range lines(text) {
		fields := strings.Fields(line)
		for i, field := range fields {
			if i > 5 && field == "-" && i+1 < len(fields) {
				m[unescape(fields[4])] = fields[i+1]
				break
			}
		}
	}
	return m
}

// ParseFstab parses /etc/fstab. It ignores entries without a directory, such as swap.
func ParseFstab(text []byte) Mounts {
	m := Mounts{}
	for line := range lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 3 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if dir := unescape(fields[1]); strings.HasPrefix(dir, "/") {
			if dir != "/" {
				dir = strings.TrimSuffix(dir, "/")
			}
			m[dir] = fields[2]
		}
	}
	return m
}

func lines(text []byte) func(func(string) bool) {
	return func(yield func(string) bool) {
		s := bufio.NewScanner(bytes.NewReader(text))
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			if !yield(s.Text()) {
				return
			}
		}
	}
}

// unescape replaces octal escapes such as \040 by the bytes that they stand for.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Answers reports whether a file system of that type always answers at once, because it
// depends on neither another machine nor another process.
func Answers(kind string) bool {
	switch kind {
	case "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "bcachefs", "zfs", "tmpfs", "ramfs", "overlay", "squashfs", "erofs",
		"vfat", "exfat", "msdos", "ntfs3", "iso9660", "udf", "hfsplus", "jfs", "reiserfs", "nilfs2", "minix", "cramfs", "romfs",
		"proc", "sysfs", "devtmpfs", "devpts", "cgroup", "cgroup2", "debugfs", "tracefs", "securityfs", "mqueue", "hugetlbfs",
		"pstore", "bpf", "configfs", "efivarfs", "binfmt_misc":
		return true
	}
	return false
}
