package disk

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/qsnap/qsnap/snapshot"
)

// attrSource reads the attributes of one file, like listxattr(2) and getxattr(2).
type attrSource struct {
	list func(buf []byte) (int, error)
	get  func(name string, buf []byte) (int, error)
}

func fdAttrs(fd int) attrSource {
	return attrSource{
		func(buf []byte) (int, error) { return unix.Flistxattr(fd, buf) },
		func(name string, buf []byte) (int, error) { return unix.Fgetxattr(fd, name, buf) },
	}
}

// nameAttrs reads the attributes of a name in a directory. There is no system call for
// that, so it uses the directory's link below /proc.
func nameAttrs(dir int, name string) attrSource {
	path := attrPath(dir, name)
	return attrSource{
		func(buf []byte) (int, error) { return unix.Llistxattr(path, buf) },
		func(name string, buf []byte) (int, error) { return unix.Lgetxattr(path, name, buf) },
	}
}

func attrPath(dir int, name string) string {
	return "/proc/self/fd/" + strconv.Itoa(dir) + "/" + name
}

// xattrs returns all attributes, sorted by name.
func xattrs(s attrSource) ([]snapshot.Xattr, error) {
	n, err := s.list(nil) // most files have none: that needs no buffer
	var list []byte
	if err == nil && n > 0 {
		list, err = grow(make([]byte, n), s.list)
	}
	if err == unix.ENOTSUP || err == unix.ENOENT || err == unix.ENOTDIR { // the latter if /proc isn't mounted
		return nil, nil
	}
	if err != nil || len(list) == 0 {
		return nil, err
	}
	var out []snapshot.Xattr
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		value, err := grow(make([]byte, 256), func(buf []byte) (int, error) { return s.get(name, buf) })
		switch err {
		case nil:
			out = append(out, snapshot.Xattr{Name: name, Value: value})
		case unix.ENODATA: // removed meanwhile
		default:
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b snapshot.Xattr) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// grow calls read with a buffer that is large enough.
func grow(buf []byte, read func([]byte) (int, error)) ([]byte, error) {
	for {
		n, err := read(buf)
		if err == nil {
			return buf[:n:n], nil
		}
		if err != unix.ERANGE || len(buf) > 1<<20 {
			return nil, err
		}
		buf = make([]byte, 4*len(buf))
	}
}
