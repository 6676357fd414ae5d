package governor

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func TestTextsOfTheKernelAreRead(t *testing.T) {
	busy, all := busyTime([]byte("cpu  300 20 30 1700 50 1 2 3 40 0\ncpu0 100 20 30 900 50 1 2 3 40 0\ncpu1 200 0 0 800 0 0 0 0 0 0\nintr 1 2 3\n"))
	if want := 3560 * time.Millisecond; busy != want || all != 2 {
		t.Errorf("busy for %v on %d processors, want %v on 2", busy, all, want)
	}
	var l load
	l.addDisks([]byte(`   8       0 sda 10 0 100 5 20 0 300 7 0 1500 12 0 0 0 0 0 0
   8       1 sda1 9 0 99 5 19 0 299 7 0 1400 12 0 0 0 0 0 0
   7       0 loop0 1 0 1 1 1 1 1 1 1 1 1
 259       0 nvme0n1 1 0 8 1 1 0 8 1 0 2500 1
`), map[string]bool{"sda": true, "nvme0n1": true})
	if want := (load{disk: 416 * 512, requests: 32, diskTime: 2500 * time.Millisecond}); l != want {
		t.Errorf("the disks have done %+v, want %+v", l, want)
	}
	if n := transferred([]byte("rchar: 9\nwchar: 9\nsyscr: 9\nsyscw: 9\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 1024\n")); n != 11264 {
		t.Errorf("%d bytes were transferred, want 11264", n)
	}
	if d := stalledTime([]byte("some avg10=0.65 avg60=2.71 avg300=2.82 total=747019812\nfull avg10=0.00 avg60=0.00 avg300=0.86 total=1\n")); d != 747019812*time.Microsecond {
		t.Errorf("stalled for %v", d)
	}
	parent, cpu, ok := processStat([]byte("77 (a (b) c) S 42 77 77 0 -1 4194304 1 2 3 4 150 50 30 20 20 0 1 0 5 6 7\n"))
	if !ok || parent != 42 || cpu != 2500*time.Millisecond {
		t.Errorf("the parent is %d, the time %v: %v", parent, cpu, ok)
	}
	if n := statusBytes([]byte("Name:\tx\nVmHWM:\t   2048 kB\nVmRSS:\t  1024 kB\n"), "VmRSS"); n != 1<<20 {
		t.Errorf("VmRSS is %d", n)
	}
	for _, text := range []string{"", "\n", ")", "1 (x", "some", "cpu"} { // none of it may panic
		_, _, _ = processStat([]byte(text))
		_, _ = busyTime([]byte(text))
		_ = stalledTime([]byte(text))
	}
}

// files writes files below a new directory.
func files(t *testing.T, content map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range content {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestTheQuotaIsTheSmallestOfAllControlGroups(t *testing.T) {
	const (
		v2 = "30 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
		v1 = "31 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n32 25 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	)
	for _, of := range []struct {
		name  string
		files map[string]string
		want  float64
	}{
		{"nothing is known", nil, 0},
		{"version 2, no limit", map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "proc/self/mountinfo": v2,
			"sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
		}, 0},
		{"version 2, a limit of half a processor", map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "proc/self/mountinfo": v2,
			"sys/fs/cgroup/a/b/cpu.max": "50000 100000\n",
		}, 0.5},
		{"version 2, a limit above", map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "proc/self/mountinfo": v2,
			"sys/fs/cgroup/a/cpu.max": "30000 100000\n", "sys/fs/cgroup/a/b/cpu.max": "200000 100000\n",
		}, 0.3},
		{"version 1", map[string]string{
			"proc/self/cgroup": "4:memory:/m\n2:cpu,cpuacct:/x/y\n0::/\n", "proc/self/mountinfo": v1,
			"sys/fs/cgroup/cpu,cpuacct/x/y/cpu.cfs_quota_us": "150000\n", "sys/fs/cgroup/cpu,cpuacct/x/y/cpu.cfs_period_us": "100000\n",
			"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
		}, 1.5},
		{"in a container that sees its own group as the root", map[string]string{
			"proc/self/cgroup":      "0::/docker/abc\n",
			"proc/self/mountinfo":   "30 25 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
			"sys/fs/cgroup/cpu.max": "250000 100000\n",
		}, 2.5},
		{"with nonsense", map[string]string{
			"proc/self/cgroup": "0::/a\nx\n::\n", "proc/self/mountinfo": v2 + "nonsense\n - \n",
			"sys/fs/cgroup/a/cpu.max": "-5 0\n",
		}, 0},
	} {
		if got := quotaIn(files(t, of.files)); got != of.want {
			t.Errorf("%s: %v processors, want %v", of.name, got, of.want)
		}
	}
}

// until waits until something is true.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s", what)
		}
	}
}

func TestChildrenAreMeasuredWhileTheyLiveAndAfterwards(t *testing.T) {
	m := newMeter()
	cmd := exec.Command("sh", "-c", "while :; do :; done")
	if err := cmd.Start(); err != nil {
		t.Skip("there is no shell: ", err)
	}
	until(t, "a living child is not measured", func() bool { return m.(*systemMeter).children.use().cpu >= 200*time.Millisecond })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	before := m.use()
	_ = cmd.Wait()
	after := m.use()
	if m.(*systemMeter).children.last.cpu != 0 || after.cpu < 200*time.Millisecond {
		t.Errorf("with a living child %v were used, and %v after its end", before.cpu, after.cpu)
	}
}

func TestWhatTheProcessReadsAndWritesIsMeasured(t *testing.T) {
	m := newMeter()
	if len(m.remarks()) > 0 {
		t.Skip(m.remarks())
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	before := m.use()
	if err := os.WriteFile(path, make([]byte, 8<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	wrote := m.use().io - before.io
	if wrote == 0 {
		t.Skip("the file system is in memory")
	}
	if wrote < 8<<20 {
		t.Errorf("of 8 MiB, %d bytes were measured", wrote)
	}
	if _, err := os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	if again := m.use().io - before.io - wrote; again > 1<<20 {
		t.Errorf("reading what the system has in memory counts as %d bytes", again)
	}
	if now, most := m.memory(); now < 1<<20 || most < now {
		t.Errorf("the process has %d bytes of memory, and had at most %d", now, most)
	}
	if cpus, all := m.machine(); cpus <= 0 || float64(all) < cpus {
		t.Errorf("%v of %d processors may be used", cpus, all)
	}
}
