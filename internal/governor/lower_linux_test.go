package governor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// childVariable says that the test binary shall lower itself and say what it sees.
const childVariable = "QSNAP_TEST_LOWERED"

// A seen is what a lowered process sees of itself and of what it starts.
type seen struct {
	Nice     map[int]int // threads by nice value
	IO       map[int]int // threads by priority of I/O
	Dumpable int
	Core     uint64
	Procs    int
	Memory   int64
	Remarks  []string
	Child    string // nice value, and soft limit of core dumps, of a process that was started
	Counted  bool   // I/O is still measured
}

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		if err := json.NewEncoder(os.Stdout).Encode(lowerAndLook()); err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

func lowerAndLook() (s seen) {
	m := newMeter().(*systemMeter)
	block := func(n int) { // makes n threads
		var all sync.WaitGroup
		for range n {
			all.Go(func() { runtime.LockOSThread(); defer runtime.UnlockOSThread(); _ = exec.Command("true").Run() })
		}
		all.Wait()
	}
	block(8)
	l := Lower(Lowering{Memory: 256 << 20, Procs: 1})
	block(16)
	s = seen{Nice: map[int]int{}, IO: map[int]int{}, Remarks: l.Remarks, Procs: runtime.GOMAXPROCS(0), Memory: debug.SetMemoryLimit(-1)}
	entries, _ := os.ReadDir("/proc/self/task")
	for _, e := range entries {
		tid, _ := strconv.Atoi(e.Name())
		nice, _ := unix.Getpriority(unix.PRIO_PROCESS, tid)
		s.Nice[20-nice]++ // the system call returns 1 to 40
		prio, _, _ := unix.Syscall(unix.SYS_IOPRIO_GET, ioprioProcess, uintptr(tid), 0)
		s.IO[int(prio)]++
	}
	s.Dumpable, _ = unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	var core unix.Rlimit
	_ = unix.Getrlimit(unix.RLIMIT_CORE, &core)
	s.Core = core.Cur
	cmd := exec.Command("sh", "-c", "sleep 0; nice; ulimit -c")
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := l.Start(cmd); err == nil {
		err = cmd.Wait()
		s.Child = strings.Join(strings.Fields(fmt.Sprint(out.String(), err)), " ")
	}
	before := m.use().io
	if dir, err := os.MkdirTemp("", "lowered"); err == nil {
		_ = os.WriteFile(filepath.Join(dir, "file"), make([]byte, 4<<20), 0o600)
		s.Counted = m.use().io > before
		_ = os.RemoveAll(dir)
	}
	return s
}

func TestALoweredProcessGivesWayAndStartsOthersAsItWas(t *testing.T) {
	binary := publicCopy(t, os.Args[0])
	for name, credential := range map[string]func(*exec.Cmd){
		"as this user": func(*exec.Cmd) {},
		"as nobody":    asNobody,
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(binary)
			cmd.Env = append(os.Environ(), childVariable+"=1")
			cmd.Stderr = os.Stderr
			cmd.Dir = "/"
			if credential(cmd); cmd.SysProcAttr != nil && os.Geteuid() != 0 {
				t.Skip("only root may become nobody")
			}
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			var got seen
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatal(err)
			}
			t.Logf("%+v", got)
			own, _ := unix.Getpriority(unix.PRIO_PROCESS, 0)
			was := 20 - own
			if got.Nice[was] != 1 || len(got.Nice) != 2 || got.Nice[lowestNice] < 2 {
				t.Errorf("threads by nice value: %v, want one of %d and all others of %d", got.Nice, was, lowestNice)
			}
			if got.IO[ioprioLowest] != got.Nice[lowestNice] {
				t.Errorf("threads by priority of I/O: %v, want all but one of %d", got.IO, ioprioLowest)
			}
			if got.Dumpable != 0 || got.Core != 0 || len(got.Remarks) > 0 {
				t.Errorf("the process may be inspected (%d) and dumped (%d): %q", got.Dumpable, got.Core, got.Remarks)
			}
			if got.Procs != 1 || got.Memory != 214748364 {
				t.Errorf("Go uses %d processors and %d bytes", got.Procs, got.Memory)
			}
			var core unix.Rlimit
			if err := unix.Getrlimit(unix.RLIMIT_CORE, &core); err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(got.Child, strconv.Itoa(was)+" ") {
				t.Errorf("a process that it starts sees %q, want the nice value %d", got.Child, was)
			}
			if core.Cur > 0 && strings.Contains(got.Child, " 0") {
				t.Errorf("a process that it starts sees %q, with core dumps of %d", got.Child, core.Cur)
			}
			if !got.Counted {
				t.Error("I/O is not measured any more")
			}
		})
	}
}

// publicCopy copies a program to where everybody may run it.
func publicCopy(t *testing.T, program string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lowered")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	b, err := os.ReadFile(program)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "program"), b, 0o755)
	}
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "program")
}

func asNobody(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
}
