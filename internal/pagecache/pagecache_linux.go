package pagecache

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Drop removes a range of an open file from memory. What isn't written back yet stays. Zero
// bytes are all that follow.
func Drop(fd uintptr, offset, n int64) { _ = unix.Fadvise(int(fd), offset, n, unix.FADV_DONTNEED) }

// Holds reports whether the system may have some of a range of an open file in memory.
func Holds(fd uintptr, offset, n int64) bool {
	if n <= 0 {
		return false
	}
	held, err := cacheStat(fd, offset, n)
	if err == unix.ENOSYS || err == unix.EPERM { // also a filter of system calls says so
		held, err = minCore(fd, offset, n)
	}
	return held || err != nil
}

// cacheStat asks by cachestat(2), which Linux has since 6.5.
func cacheStat(fd uintptr, offset, n int64) (bool, error) {
	asked := struct{ offset, length uint64 }{uint64(offset), uint64(n)}
	var pages struct{ cached, dirty, writeback, evicted, recentlyEvicted uint64 }
	_, _, e := unix.Syscall6(unix.SYS_CACHESTAT, fd, uintptr(unsafe.Pointer(&asked)), uintptr(unsafe.Pointer(&pages)), 0, 0, 0)
	if e != 0 {
		return false, e
	}
	return pages.cached > 0, nil
}

// minCore asks by mincore(2), which says of others' files that all is cached.
func minCore(fd uintptr, offset, n int64) (bool, error) {
	page := int64(os.Getpagesize())
	from := offset &^ (page - 1)
	b, err := unix.Mmap(int(fd), from, int(n+offset-from), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return false, err
	}
	defer unix.Munmap(b)
	resident := make([]byte, (int64(len(b))+page-1)/page)
	_, _, e := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), uintptr(unsafe.Pointer(&resident[0])))
	if e != 0 {
		return false, e
	}
	for _, r := range resident {
		if r&1 != 0 {
			return true, nil
		}
	}
	return false, nil
}
