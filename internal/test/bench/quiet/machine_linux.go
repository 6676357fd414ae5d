package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// openLoadFile makes the file of the load, and opens it past the system's cache where the file
// system can do that.
func openLoadFile(path string) (*os.File, error) {
	if err := os.WriteFile(path, make([]byte, loadBytes), 0o600); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_DIRECT, 0)
	if errors.Is(err, unix.EINVAL) {
		f, err = os.OpenFile(path, os.O_RDWR, 0)
	}
	if err != nil {
		return nil, err
	}
	return f, f.Sync()
}

func syncData(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// alignedBlock returns memory that begins at a page.
func alignedBlock(n int) []byte {
	const page = 4096
	b := make([]byte, n+page)
	from := -uintptr(unsafe.Pointer(&b[0])) & (page - 1)
	return b[from : int(from)+n]
}

// slice is the control group of load and runs.
const slice = "qsnap-quiet"

// prepareMachine sets what the options say of the machine. The caller restores it.
func prepareMachine(o options) (restore func(), err error) {
	restore = func() {}
	if o.scheduler != "" {
		if restore, err = setScheduler(o.dir, o.scheduler); err != nil {
			return nil, err
		}
	}
	if o.quota > 0 {
		leave, err := enterSlice(o.quota)
		if err != nil {
			restore()
			return nil, err
		}
		before := restore
		restore = func() { leave(); before() }
	}
	return restore, nil
}

// setScheduler sets how requests to the disk below a directory are ordered.
func setScheduler(dir, name string) (restore func(), err error) {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return nil, err
	}
	device := fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev))
	file := filepath.Join(device, "queue/scheduler")
	if _, err := os.Stat(file); err != nil { // a partition
		file = filepath.Join(device, "../queue/scheduler")
	}
	was, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s is on no disk whose scheduler can be chosen: %w", dir, err)
	}
	_, rest, _ := strings.Cut(string(was), "[")
	old, _, _ := strings.Cut(rest, "]")
	if err := os.WriteFile(file, []byte(name), 0); err != nil {
		return nil, err
	}
	return func() { _ = os.WriteFile(file, []byte(old), 0) }, nil
}

// enterSlice puts this process, and so all that it starts, into a control group that gets so
// many processors.
func enterSlice(processors float64) (leave func(), err error) {
	const period = 100_000
	quota := strconv.Itoa(int(processors * period))
	for _, v := range []struct{ dir, file, text string }{
		{"/sys/fs/cgroup", "cpu.max", quota + " " + strconv.Itoa(period)},
		{"/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", quota},
		{"/sys/fs/cgroup/cpu,cpuacct", "cpu.cfs_quota_us", quota},
	} {
		if _, err = os.Stat(filepath.Join(v.dir, "cgroup.procs")); err != nil {
			continue
		}
		group, own := filepath.Join(v.dir, slice), []byte(strconv.Itoa(os.Getpid()))
		if err = os.Mkdir(group, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			continue
		}
		if err = os.WriteFile(filepath.Join(group, v.file), []byte(v.text), 0); err == nil {
			err = os.WriteFile(filepath.Join(group, "cgroup.procs"), own, 0)
		}
		leave = func() {
			_ = os.WriteFile(filepath.Join(v.dir, "cgroup.procs"), own, 0)
			_ = os.Remove(group)
		}
		if err == nil {
			return leave, nil
		}
		leave()
	}
	return nil, fmt.Errorf("this machine allows no control group with a quota: %w", err)
}
