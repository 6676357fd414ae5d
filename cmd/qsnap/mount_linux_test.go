package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/qsnap/qsnap/internal/test/treetest"
)

// A mounting is a qsnap mount that runs.
type mounting struct {
	t      *testing.T
	cmd    *exec.Cmd
	dir    string
	first  string // the line that says it is mounted
	stdout *bufio.Reader
	stderr *bufio.Reader
}

// mount mounts the repository, and skips the test where nothing can be mounted.
func (s *session) mount(t *testing.T, args ...string) *mounting {
	t.Helper()
	if f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0); err != nil {
		t.Skipf("NOT TESTED: nothing can be mounted here: %v", err)
	} else {
		f.Close()
	}
	m := &mounting{t: t, dir: filepath.Join(s.home, "mnt")}
	if err := os.MkdirAll(m.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	m.cmd = s.command(append([]string{"mount", m.dir}, args...)...)
	pipe := func(open func() (io.ReadCloser, error)) *bufio.Reader {
		r, err := open()
		if err != nil {
			t.Fatal(err)
		}
		return bufio.NewReader(r)
	}
	m.stdout, m.stderr = pipe(m.cmd.StdoutPipe), pipe(m.cmd.StderrPipe)
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if m.mounted() {
			_ = syscall.Unmount(m.dir, syscall.MNT_DETACH)
		}
		m.cmd.Process.Kill()
		_ = m.cmd.Wait()
	})
	var err error
	if m.first, err = m.stdout.ReadString('\n'); err != nil {
		why, _ := io.ReadAll(m.stderr)
		t.Fatalf("mount: %v: %s", err, why)
	}
	return m
}

func (m *mounting) mounted() bool {
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		m.t.Fatal(err)
	}
	return strings.Contains(string(b), " "+m.dir+" ")
}

// end waits for the process and returns what it still said and its exit code.
func (m *mounting) end() (said string, code int) {
	out, _ := io.ReadAll(m.stdout)
	more, _ := io.ReadAll(m.stderr)
	_ = m.cmd.Wait()
	return string(out) + string(more), m.cmd.ProcessState.ExitCode()
}

func (m *mounting) signal(sig os.Signal) {
	m.t.Helper()
	if err := m.cmd.Process.Signal(sig); err != nil {
		m.t.Fatal(err)
	}
}

func TestAMountIsReadAndStoppedBySignals(t *testing.T) {
	s := newSession(t)
	s.run("init", "--key-file", "key")
	s.fill("tree", 0)
	s.run("snapshot", "tree", "--tag", "first")
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		m := s.mount(t)
		if want := "mounted 1 snapshot on " + m.dir + ": Ctrl-C unmounts\n"; m.first != want {
			t.Errorf("%q, want %q", m.first, want)
		}
		treetest.Same(t, s.path("tree"), filepath.Join(m.dir, "snapshots/latest"))
		m.signal(sig)
		said, code := m.end()
		if code != exitOK || said != "unmounted "+m.dir+"\n" {
			t.Errorf("%v: exit code %d: %s", sig, code, said)
		}
		if m.mounted() {
			t.Errorf("%v: it is still mounted", sig)
		}
	}
}

func TestAMountThatIsUsedSaysByWhomAndWaits(t *testing.T) {
	s := newSession(t)
	s.run("init", "--key-file", "key")
	s.write("tree/f", []byte("content"))
	s.run("snapshot", "tree")
	m := s.mount(t)
	f, err := os.Open(filepath.Join(m.dir, "snapshots/latest/f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sleep := exec.Command("sleep", "60")
	sleep.Dir = filepath.Join(m.dir, "snapshots/latest/")
	if err := sleep.Start(); err != nil {
		t.Fatal(err)
	}
	defer sleep.Process.Kill()
	m.signal(os.Interrupt)
	said, err := m.stderr.ReadString('\n')
	for _, want := range []string{
		m.dir + " is busy: ",
		fmt.Sprintf("sleep (pid %d): its working directory is %s/snapshots/", sleep.Process.Pid, m.dir),
		fmt.Sprintf("(pid %d): it has open %s/snapshots/", os.Getpid(), m.dir),
		": unmounted for everyone else; qsnap ends when these programs do",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in %q, %v", want, said, err)
		}
	}
	if m.mounted() {
		t.Error("it is still mounted")
	}
	if b, err := io.ReadAll(f); err != nil || string(b) != "content" {
		t.Errorf("who held it read %q, %v", b, err)
	}
	f.Close()
	if err := sleep.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = sleep.Wait()
	if said, code := m.end(); code != exitOK {
		t.Errorf("exit code %d: %s", code, said)
	}
}

func TestASecondSignalEndsAMountThatIsUsed(t *testing.T) {
	s := newSession(t)
	s.run("init", "--key-file", "key")
	s.write("tree/f", []byte("content"))
	s.run("snapshot", "tree")
	m := s.mount(t)
	f, err := os.Open(filepath.Join(m.dir, "snapshots/latest/f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m.signal(os.Interrupt)
	if _, err := m.stderr.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	m.signal(os.Interrupt)
	if said, code := m.end(); code != exitInterrupted {
		t.Errorf("exit code %d: %s", code, said)
	}
	if m.mounted() {
		t.Error("it is still mounted")
	}
}

func TestAMountEndsWhenItIsUnmountedFromElsewhere(t *testing.T) {
	s := newSession(t)
	s.run("init", "--key-file", "key")
	s.write("tree/f", []byte("content"))
	s.run("snapshot", "tree")
	m := s.mount(t, "--json")
	var first struct {
		Type      string `json:"message_type"`
		Dir       string `json:"mountpoint"`
		Snapshots int    `json:"snapshots"`
	}
	if err := json.Unmarshal([]byte(m.first), &first); err != nil || first.Type != "mounted" || first.Dir != m.dir || first.Snapshots != 1 {
		t.Errorf("%s: %v", m.first, err)
	}
	unmount := exec.Command("umount", m.dir)
	if os.Geteuid() != 0 {
		unmount = exec.Command("fusermount3", "-u", m.dir)
	}
	if out, err := unmount.CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	if said, code := m.end(); code != exitOK || said != "" {
		t.Errorf("exit code %d: %s", code, said)
	}
}

func TestDamageInAMountIsToldOnStderr(t *testing.T) {
	s := newSession(t)
	s.run("init", "--key-file", "key")
	s.write("tree/f", treetest.Bytes(1, 5<<20))
	s.run("snapshot", "tree")
	packs, err := filepath.Glob(s.path("repo/packs/*/*"))
	if err != nil || len(packs) == 0 {
		t.Fatal(packs, err)
	}
	for _, name := range packs {
		if b, err := os.ReadFile(name); err == nil && len(b) > 5<<20 {
			b[len(b)/2] ^= 1
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	m := s.mount(t)
	if b, err := os.ReadFile(filepath.Join(m.dir, "snapshots/latest/f")); err == nil {
		t.Errorf("%d bytes were read", len(b))
	}
	said, err := m.stderr.ReadString('\n')
	if err != nil || !strings.HasPrefix(said, "qsnap: snapshots/") || !strings.Contains(said, "/f: chunk ") {
		t.Errorf("%q, %v", said, err)
	}
	m.signal(os.Interrupt)
	if said, code := m.end(); code != exitOK {
		t.Errorf("exit code %d: %s", code, said)
	}
}
