package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/test/treetest"
)

// A session runs the real binary in a home of its own.
type session struct {
	t    testing.TB
	home string
	env  []string
	user *syscall.Credential
}

func newSession(t testing.TB) *session {
	t.Helper()
	home := t.TempDir()
	return &session{t: t, home: home, env: []string{
		"HOME=" + home, "PATH=" + os.Getenv("PATH"), "QSNAP_REPO=" + filepath.Join(home, "repo"),
		"QSNAP_KEY_FILE=" + filepath.Join(home, "key"), "STATE_DIRECTORY=" + filepath.Join(home, "state"), "TZ=UTC",
	}}
}

func (s *session) path(name string) string { return filepath.Join(s.home, name) }

func (s *session) command(args ...string) *exec.Cmd {
	s.t.Helper()
	binary, err := exec.LookPath("qsnap") // testscript has put itself there
	if err != nil {
		s.t.Fatal(err)
	}
	if s.user != nil { // who can't get at it there
		mine := s.path("qsnap")
		if err := os.Link(binary, mine); err != nil && !os.IsExist(err) {
			s.t.Fatal(err)
		}
		binary = mine
	}
	cmd := exec.Command(binary, args...)
	cmd.Env, cmd.Dir = s.env, s.home
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.user}
	return cmd
}

// try runs a command and returns what it printed and its exit code.
func (s *session) try(args ...string) (out string, code int) {
	s.t.Helper()
	cmd := s.command(args...)
	b, err := cmd.CombinedOutput()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		s.t.Fatal(err)
	}
	return string(b), cmd.ProcessState.ExitCode()
}

// run runs a command that must succeed.
func (s *session) run(args ...string) string {
	s.t.Helper()
	out, code := s.try(args...)
	if code != 0 {
		s.t.Fatalf("qsnap %s: exit code %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

func (s *session) write(name string, content []byte) {
	s.t.Helper()
	p := s.path(name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(p, content, 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// awaitFile waits until a pattern matches a file.
func (s *session) awaitFile(pattern string) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if found, _ := filepath.Glob(s.path(pattern)); len(found) > 0 {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("there is no %s after a minute", pattern)
		}
	}
}

// fill writes a tree that takes a snapshot some tenths of a second.
func (s *session) fill(dir string, version uint64) {
	s.t.Helper()
	for i := range uint64(60) {
		text := bytes.Repeat(treetest.Bytes(version*1000+i, 3000), 40)
		s.write(fmt.Sprintf("%s/d%d/f%d", dir, i%7, i), append(text, treetest.Bytes(version*2000+i, 600_000)...))
	}
}

// However often a snapshot is killed, wherever it is: the repository is whole, and
// the next one needs no help.
func TestTwentyKillsHarmNothing(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	s.run("init", "--key-file", "key")
	change := func(version uint64) {
		for i := range uint64(20) {
			s.write(fmt.Sprintf("tree/d%d/f%d", i%7, i), treetest.Bytes(version*1000+i, 400_000))
		}
	}
	change(0)
	start := time.Now()
	s.run("snapshot", "tree")
	took := time.Since(start)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	killed := 0
	for tries := 1; killed < 20; tries++ {
		change(uint64(tries))
		cmd := s.command("snapshot", "tree")
		start := time.Now()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(r.Int64N(int64(took))), func() { cmd.Process.Kill() })
		if cmd.Wait() != nil {
			killed++
		} else {
			took = time.Since(start) // the machine has more time for it than before
		}
		timer.Stop()
		if out := s.run("check"); !strings.Contains(out, "no damage found") {
			t.Fatalf("after kill %d: %s", killed, out)
		}
		if tries == 100 {
			t.Fatalf("only %d of %d snapshots were killed", killed, tries)
		}
	}
	s.run("snapshot", "tree")
	s.run("restore", "latest", "--target", "out", "--no-sync")
	treetest.Same(t, s.path("tree"), s.path("out"))
	if out := s.run("check", "--read-data"); !strings.Contains(out, "no damage found") {
		t.Error(out)
	}
}

func TestAnInterruptEndsWithinASecond(t *testing.T) {
	s := newSession(t)
	s.run("init", "--key-file", "key")
	s.fill("tree", 0)
	if err := syscall.Mkfifo(s.path("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	keepOpen, err := os.OpenFile(s.path("pipe"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer keepOpen.Close()
	const lease = "repo/leases/w-*"
	for _, c := range []struct {
		begun string // a file that is there when it is in the middle
		args  []string
	}{
		{lease, []string{"snapshot", "tree", "--compression", "max"}},
		{lease, []string{"snapshot", "--stdin"}},                                              // blocked in a read
		{"command", []string{"snapshot", "--command", "touch command; exec sleep 600"}},       // blocked by a command
		{"asked", []string{"snapshots", "--password-command", "touch asked; exec sleep 600"}}, // blocked before it begins
	} {
		cmd, args := s.command(c.args...), c.args
		cmd.Stdin = keepOpen
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		s.awaitFile(c.begun)
		sent := time.Now()
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		// It has 0.9 s by itself; the rest is for a busy machine.
		if took := time.Since(sent); took > 10*time.Second || cmd.ProcessState.ExitCode() != 130 {
			t.Errorf("%v: ended after %v with exit code %d\n%s", args, took, cmd.ProcessState.ExitCode(), out.String())
		}
	}
	if out := s.run("check"); !strings.Contains(out, "no damage found") {
		t.Error(out)
	}
	s.run("snapshot", "tree")
}

// Snapshots, restores, listings and checks at once: none waits for another or
// harms it.
func TestManyProcessesShareARepository(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	s.run("init", "--key-file", "key")
	s.fill("tree", 0)
	s.run("snapshot", "tree")
	const wait = 30 * time.Second // less than anyone would wait for another's lease
	step := func(args ...string) bool {
		start := time.Now()
		out, code := s.try(args...)
		if took := time.Since(start); code != 0 || took > wait {
			t.Errorf("%v: exit code %d after %v\n%s", args, code, took, out)
		}
		return code == 0
	}
	var writers, readers sync.WaitGroup
	var written atomic.Bool
	for i := range uint64(2) {
		dir := fmt.Sprintf("tree%d", i)
		writers.Go(func() {
			for n, ok := uint64(0), true; n < 6 && ok; n++ {
				for f := range uint64(5) {
					s.write(fmt.Sprintf("%s/f%d", dir, f), treetest.Bytes(n*10+f+i*1000, 500_000))
				}
				ok = step("snapshot", dir)
			}
		})
	}
	for _, args := range [][]string{
		{"ls", "latest", "--path", s.path("tree")},
		{"restore", "latest", "--path", s.path("tree"), "--target", "out", "--no-sync"},
		{"check"},
	} {
		readers.Go(func() {
			for n, ok := 0, true; ok && (n < 2 || !written.Load()); n++ {
				ok = step(args...)
			}
		})
	}
	writers.Wait()
	written.Store(true)
	readers.Wait()
	if out := s.run("check", "--read-data"); !strings.Contains(out, "no damage found") {
		t.Error(out)
	}
	treetest.Same(t, s.path("tree"), s.path("out"))
}

// asNobody returns the session of a user who may not read everything, with the
// same home.
func (s *session) asNobody() *session {
	s.t.Helper()
	if os.Geteuid() != 0 {
		return s
	}
	err := filepath.WalkDir(s.home, func(p string, d fs.DirEntry, err error) error {
		if err == nil {
			err = os.Lchown(p, 65534, 65534)
		}
		return err
	})
	for dir := s.home; err == nil && dir != "/"; dir = filepath.Dir(dir) {
		var info os.FileInfo
		if info, err = os.Stat(dir); err == nil {
			err = os.Chmod(dir, info.Mode()|0o111) // with the sticky bit of /tmp
		}
	}
	if err != nil {
		s.t.Fatal(err)
	}
	nobody := *s
	nobody.user = &syscall.Credential{Uid: 65534, Gid: 65534}
	return &nobody
}

func TestWhatMayNotBeReadIsReportedAndTheRestIsKept(t *testing.T) {
	s := newSession(t)
	s.write("tree/readable", []byte("x"))
	s.write("tree/secret", []byte("y"))
	s.write("tree/locked/inside", []byte("z"))
	for name, mode := range map[string]os.FileMode{"tree/secret": 0, "tree/locked": 0} {
		if err := os.Chmod(s.path(name), mode); err != nil {
			t.Fatal(err)
		}
	}
	nobody := s.asNobody()
	nobody.run("init", "--key-file", "key")
	out, code := nobody.try("snapshot", "tree")
	for _, want := range []string{"tree/secret: permission denied", "tree/locked: permission denied", "snapshot ", "2 paths could not be read correctly"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if code != exitPartial {
		t.Errorf("exit code %d", code)
	}
	if out := nobody.run("snapshots"); !strings.Contains(out, "good, 2 ") {
		t.Error(out)
	}
	out, code = nobody.try("restore", "latest", "--target", "out")
	if code != exitPartial || !strings.Contains(out, "secret: it is not in the snapshot: when that was made: open: permission denied") {
		t.Errorf("restore: exit code %d\n%s", code, out)
	}
	if b, err := os.ReadFile(s.path("out/readable")); err != nil || string(b) != "x" {
		t.Errorf("what could be read: %q, %v", b, err)
	}
	// What was not captured is not deleted either.
	s.write("out/secret", []byte("mine"))
	s.write("out/locked/inside", []byte("mine"))
	nobody = s.asNobody()
	nobody.try("restore", "latest", "--target", "out", "--delete")
	for _, name := range []string{"out/secret", "out/locked/inside"} {
		if b, err := os.ReadFile(s.path(name)); err != nil || string(b) != "mine" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if err := os.Chmod(s.path("tree/locked"), 0o755); err != nil {
		t.Fatal(err)
	}
}
