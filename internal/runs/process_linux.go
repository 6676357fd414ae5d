package runs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
)

// Process returns what identifies this process on this machine until the next boot: boot id,
// PID namespace, PID and start time, as in proc(5). It returns nil if /proc can't be read.
var Process = sync.OnceValue(func() []byte {
	prefix, ok := machineOf()
	start, err := startTime(os.Getpid())
	if !ok || err != nil {
		return nil
	}
	return fmt.Appendf(slices.Clip(prefix), "%d %s", os.Getpid(), start)
})

// HasEnded reports whether a process ran on this machine and has certainly ended.
func HasEnded(process []byte) bool {
	prefix, ok := machineOf()
	rest, here := bytes.CutPrefix(process, prefix)
	if !ok || !here {
		return false
	}
	var pid int
	var start string
	if n, _ := fmt.Sscanf(string(rest), "%d %s", &pid, &start); n != 2 {
		return false
	}
	now, err := startTime(pid)
	return errors.Is(err, fs.ErrNotExist) || err == nil && now != start
}

// machineOf returns the boot id and the PID namespace, with which each process of this machine
// begins.
var machineOf = sync.OnceValues(func() (prefix []byte, ok bool) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return nil, false
	}
	namespace, err := os.Readlink("/proc/self/ns/pid")
	return fmt.Appendf(nil, "%s %s ", bytes.TrimSpace(boot), namespace), err == nil
})

// startTime returns the 22nd field of /proc/PID/stat. The second field, in parentheses, may
// have spaces.
func startTime(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 {
		return "", errors.New("/proc/PID/stat: too few fields")
	}
	return fields[19], nil
}
