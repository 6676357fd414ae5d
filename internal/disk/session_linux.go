package disk

import (
	"os"
	"strconv"
	"strings"
)

func processID() int { return os.Getpid() }

// machine returns an identifier of this machine.
func machine() string {
	for _, name := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		if b, err := os.ReadFile(name); err == nil && len(b) > 1 {
			return string(b)
		}
	}
	name, _ := os.Hostname()
	return name
}

func boot() string {
	b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return string(b)
}

func namespace() string {
	ns, _ := os.Readlink("/proc/self/ns/pid")
	return ns
}

// processStart returns when a process was started, in ticks, or 0 if it doesn't exist or
// has ended.
func processStart(pid int) uint64 {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	_, rest, ok := strings.Cut(string(b[max(0, strings.LastIndexByte(string(b), ')')):]), " ")
	if fields := strings.Fields(rest); ok && len(fields) > 19 && fields[0] != "Z" && fields[0] != "X" {
		start, _ := strconv.ParseUint(fields[19], 10, 64)
		return start
	}
	return 0
}
