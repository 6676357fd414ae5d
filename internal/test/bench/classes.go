package main

import "strings"

// A class is what processor time is spent on.
type class string

const (
	compression class = "compression"
	cutting     class = "cutting"
	hashing     class = "hashing"
	sealing     class = "sealing"
	password    class = "password"
	indexing    class = "index"
	rest        class = "rest of qsnap"
	goRuntime   class = "Go's runtime" // garbage collection, allocation, scheduling
	reading     class = "kernel: read"
	writing     class = "kernel: write"
	naming      class = "kernel: open, stat, list"
	paging      class = "kernel: memory"
	kernelRest  class = "kernel: rest"

	callers class = "" // what it is called for
)

var classes = []class{
	compression, cutting, hashing, sealing, password, indexing, rest, goRuntime,
	reading, writing, naming, paging, kernelRest,
}

// programClasses tells a program's functions by how their names begin. The longest
// beginning counts. A function that isn't listed works for its caller.
var programClasses = map[string]class{
	"github.com/klauspost/compress/":         compression,
	"github.com/qsnap/qsnap/chunk.(*Cutter)": cutting,
	"github.com/qsnap/qsnap/chunk.likely":    cutting,
	"github.com/qsnap/qsnap/chunk.(*Hasher)": hashing,
	"github.com/zeebo/blake3":                hashing,
	"crypto/":                                sealing,
	"golang.org/x/crypto/chacha20":           sealing, // and chacha20poly1305
	"golang.org/x/crypto/internal/":          sealing,
	"golang.org/x/crypto/argon2":             password,
	"golang.org/x/crypto/blake2b":            password,
	"github.com/qsnap/qsnap/index.":          indexing,
	"go.etcd.io/bbolt":                       indexing,
	"github.com/qsnap/qsnap/":                rest,
	"main.":                                  rest,

	"runtime.":                 goRuntime,
	"internal/runtime/":        goRuntime,
	"gcWriteBarrier":           goRuntime,
	"gogo":                     goRuntime,
	"runtime.main":             rest,
	"runtime.goexit":           rest,
	"internal/runtime/maps.":   callers,
	"internal/runtime/syscall": callers,
	"runtime.aeshash":          callers,
	"runtime.cmpstring":        callers,
	"runtime.duff":             callers,
	"runtime.efaceeq":          callers,
	"runtime.ifaceeq":          callers,
	"runtime.map":              callers,
	"runtime.memclr":           callers,
	"runtime.memequal":         callers,
	"runtime.memhash":          callers,
	"runtime.memmove":          callers,
	"runtime.strequal":         callers,
	"runtime.strhash":          callers,
	"runtime.typedmemmove":     callers,
}

// kernelClasses tells a kernel's functions in the same way. Whatever an architecture
// calls its system calls, their names here begin with sys_.
var kernelClasses = map[string]class{
	"sys_read": reading, "sys_pread": reading, "vfs_read": reading, "sys_fadvise": reading,

	"sys_write": writing, "sys_pwrite": writing, "vfs_write": writing,
	"sys_fsync": writing, "sys_fdatasync": writing, "do_fsync": writing,
	"sys_sync": writing, "sys_fallocate": writing, "vfs_fallocate": writing,
	"sys_truncate": writing, "sys_ftruncate": writing, "do_sys_ftruncate": writing,
	"sys_copy_file_range": writing, "sys_sendfile": writing,

	"sys_open": naming, "do_sys_open": naming, "sys_close": naming,
	"sys_stat": naming, "sys_lstat": naming, "sys_fstat": naming, "sys_new": naming,
	"sys_getdents": naming, "sys_access": naming, "sys_faccessat": naming,
	"sys_rename": naming, "sys_mkdir": naming, "sys_rmdir": naming, "sys_mknod": naming,
	"sys_unlink": naming, "sys_link": naming, "sys_symlink": naming, "sys_readlink": naming,
	"sys_utime": naming, "sys_chmod": naming, "sys_fchmod": naming, "sys_chown": naming,
	"sys_lchown": naming, "sys_fchown": naming, "sys_flock": naming, "sys_fcntl": naming,
	"sys_getxattr": naming, "sys_lgetxattr": naming, "sys_fgetxattr": naming,
	"sys_listxattr": naming, "sys_llistxattr": naming, "sys_flistxattr": naming,
	"sys_setxattr": naming, "sys_lsetxattr": naming, "sys_fsetxattr": naming,
	"path_getxattr": naming, "path_listxattr": naming, "path_setxattr": naming,

	"asm_exc_page_fault": paging, "exc_page_fault": paging, "do_page_fault": paging,
	"do_mem_abort": paging, "handle_mm_fault": paging, "sys_madvise": paging,
	"sys_mmap": paging, "sys_munmap": paging, "sys_mprotect": paging, "sys_brk": paging,
	"vm_mmap_pgoff": paging, "sys_exit": paging, "do_exit": paging,
}

var systemCalls = []string{"__x64_sys_", "__arm64_sys_", "__riscv_sys_", "__se_sys_", "__do_sys_", "ksys_"}

// classify returns what a sample belongs to. Of the kernel's functions the outermost
// one that is known counts: it is what was asked for. Of a program's it is the
// innermost.
func classify(stack []frame) class {
	inKernel := 0
	for inKernel < len(stack) && stack[inKernel].kernel {
		inKernel++
	}
	for i := inKernel - 1; i >= 0; i-- {
		if c := lookUp(kernelClasses, systemCall(stack[i].function)); c != callers {
			return c
		}
	}
	if inKernel > 0 {
		return kernelRest
	}
	for _, f := range stack {
		if c := lookUp(programClasses, f.function); c != callers {
			return c
		}
	}
	return rest
}

func systemCall(function string) string {
	for _, prefix := range systemCalls {
		if name, ok := strings.CutPrefix(function, prefix); ok {
			return "sys_" + name
		}
	}
	return function
}

// lookUp returns the class of the longest beginning of a name that a table has.
func lookUp(table map[string]class, name string) class {
	for n := len(name); n > 0; n-- {
		if c, ok := table[name[:n]]; ok {
			return c
		}
	}
	return callers
}
