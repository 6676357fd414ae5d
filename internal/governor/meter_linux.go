package governor

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A systemMeter asks the kernel.
type systemMeter struct {
	io       *os.File // /proc/self/io, or nil
	buf      [512]byte
	disks    map[string]bool // names of those that are no partitions and no layers above others
	children children
	lacking  []string
}

func newMeter() meter {
	m := &systemMeter{disks: disksIn("/sys/block")}
	// The file is opened now, because it can't be once the process may not be inspected.
	f, err := os.Open("/proc/self/io")
	if err == nil {
		_, err = f.ReadAt(m.buf[:1], 0)
	}
	if err == nil {
		m.io = f
	} else {
		m.lacking = append(m.lacking, "I/O is not measured: "+err.Error())
	}
	return m
}

// remarks is part of meter.
func (m *systemMeter) remarks() []string { return m.lacking }

// use is part of meter.
func (m *systemMeter) use() use {
	var u use
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} { // of children, those that have ended
		var r unix.Rusage
		if unix.Getrusage(who, &r) == nil {
			u.cpu += time.Duration(r.Utime.Nano() + r.Stime.Nano())
		}
	}
	if m.io != nil {
		n, _ := m.io.ReadAt(m.buf[:], 0)
		u.io = transferred(m.buf[:n])
	}
	living := m.children.use()
	u.cpu += living.cpu
	u.io += living.io
	return u
}

// transferred returns the bytes that a process and its ended children have read from disks
// and written to them, from the text of /proc/PID/io. Bytes count as written when the system
// is given them, before it writes them back.
func transferred(text []byte) (n int64) {
	for line := range bytes.Lines(text) {
		name, value, _ := strings.Cut(string(bytes.TrimSpace(line)), ": ")
		v, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			continue
		}
		switch name {
		case "read_bytes", "write_bytes":
			n += v
		case "cancelled_write_bytes":
			n -= v
		}
	}
	return n
}

// memory is part of meter.
func (m *systemMeter) memory() (now, most int64) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, 0
	}
	return statusBytes(status, "VmRSS"), statusBytes(status, "VmHWM")
}

// statusBytes returns a value of /proc/PID/status, which is in KiB.
func statusBytes(status []byte, name string) int64 {
	_, rest, found := strings.Cut("\n"+string(status), "\n"+name+":")
	if f := strings.Fields(rest); found && len(f) > 0 {
		kib, _ := strconv.ParseInt(f[0], 10, 64)
		return kib << 10
	}
	return 0
}

// load is part of meter.
func (m *systemMeter) load() load {
	var l load
	if text, err := os.ReadFile("/proc/stat"); err == nil {
		l.busy, _ = busyTime(text)
	}
	if text, err := os.ReadFile("/proc/diskstats"); err == nil {
		l.addDisks(text, m.disks)
	}
	l.stalledIO, l.stalledMemory = stalled("/proc/pressure/io"), stalled("/proc/pressure/memory")
	return l
}

// userHertz is the unit of times that the kernel tells user programs.
const userHertz = 100

// busyTime returns for how long the processors have worked, and how many there are, from the
// text of /proc/stat. Waiting for a disk is no work.
func busyTime(text []byte) (busy time.Duration, all int) {
	for line := range bytes.Lines(text) {
		f := strings.Fields(string(line))
		if len(f) < 5 || !strings.HasPrefix(f[0], "cpu") {
			break // the processors come first
		}
		if f[0] != "cpu" {
			all++
			continue
		}
		for i, v := range f[1:min(len(f), 9)] { // the rest is counted as user's time already
			if n, err := strconv.ParseInt(v, 10, 64); err == nil && i != 3 && i != 4 {
				busy += time.Duration(n) * (time.Second / userHertz)
			}
		}
	}
	return busy, all
}

// addDisks adds what some disks have done, from the text of /proc/diskstats.
func (l *load) addDisks(text []byte, disks map[string]bool) {
	for line := range bytes.Lines(text) {
		f := strings.Fields(string(line))
		if len(f) < 14 || !disks[f[2]] {
			continue
		}
		var v [14]int64
		for i := 3; i < 14; i++ {
			v[i], _ = strconv.ParseInt(f[i], 10, 64)
		}
		l.requests += v[3] + v[7]
		l.disk += 512 * (v[5] + v[9])
		l.diskTime = max(l.diskTime, time.Duration(v[12])*time.Millisecond)
	}
}

// disksIn returns the names of the disks that a directory lists as the kernel does in
// /sys/block. What has no device is a layer above others, or memory.
func disksIn(dir string) map[string]bool {
	disks := map[string]bool{}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if _, err := os.Stat(dir + "/" + e.Name() + "/device"); err == nil || strings.HasPrefix(e.Name(), "vd") {
			disks[e.Name()] = true
		}
	}
	return disks
}

// stalled returns for how long some thread has waited, from a file of /proc/pressure.
func stalled(file string) time.Duration {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	return stalledTime(text)
}

func stalledTime(text []byte) time.Duration {
	line, _, _ := strings.Cut(string(text), "\n")
	_, total, found := strings.Cut(line, "total=")
	micros, err := strconv.ParseInt(total, 10, 64)
	if !found || !strings.HasPrefix(line, "some ") || err != nil {
		return 0
	}
	return time.Duration(micros) * time.Microsecond
}

// children finds what the children of this process use that live.
type children struct {
	next time.Time
	last use
}

// use returns what the living children, and theirs, have used. As long as there are none, it
// costs one system call.
func (c *children) use() use {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	if errors.Is(err, unix.ECHILD) {
		c.last, c.next = use{}, time.Time{}
		return use{}
	}
	if now := monotonic(); !now.Before(c.next) {
		c.last = descendants("/proc", os.Getpid())
		took := monotonic().Sub(now)
		c.next = now.Add(max(200*time.Millisecond, 100*took)) // looking may take a hundredth of a processor
	}
	return c.last
}

// monotonic returns the kernel's clock as a time that means nothing but its differences.
func monotonic() time.Time {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return time.Unix(t.Unix())
}

// descendants returns what the processes below one have used, by a directory like /proc.
func descendants(proc string, of int) (u use) {
	type process struct {
		pid int
		cpu time.Duration
	}
	below := map[int][]process{}
	entries, _ := os.ReadDir(proc)
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile(proc + "/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		if parent, cpu, ok := processStat(text); ok {
			below[parent] = append(below[parent], process{pid, cpu})
		}
	}
	for todo := []int{of}; len(todo) > 0; todo = todo[1:] {
		for _, p := range below[todo[0]] {
			u.cpu += p.cpu
			if text, err := os.ReadFile(proc + "/" + strconv.Itoa(p.pid) + "/io"); err == nil {
				u.io += transferred(text)
			}
			todo = append(todo, p.pid)
		}
		delete(below, todo[0]) // a process that is its own ancestor, in a damaged listing, is visited once
	}
	return u
}

// processStat returns the parent of a process, and the processor time of it and its ended
// children, from the text of /proc/PID/stat.
func processStat(text []byte) (parent int, cpu time.Duration, ok bool) {
	at := bytes.LastIndexByte(text, ')') // the name before it may have spaces and parentheses
	f := strings.Fields(string(text[at+1:]))
	if at < 0 || len(f) < 15 {
		return 0, 0, false
	}
	parent, err := strconv.Atoi(f[1])
	for _, v := range f[11:15] {
		n, _ := strconv.ParseInt(v, 10, 64)
		cpu += time.Duration(n) * (time.Second / userHertz)
	}
	return parent, cpu, err == nil
}
