package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/treetest"
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
		"QSNAP_KEY_FILE=" + filepath.Join(home, "key"), "TZ=UTC",
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
	s := newSession(t)
	s.run("init", "--key-file", "key")
	s.fill("tree", 0)
	start := time.Now()
	s.run("snapshot", "tree")
	took := time.Since(start)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	killed := 0
	for i := range 20 {
		s.fill("tree", uint64(i+1))
		cmd := s.command("snapshot", "tree")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(r.Int64N(int64(took))), func() { cmd.Process.Kill() })
		if cmd.Wait() != nil {
			killed++
		}
		timer.Stop()
		if out := s.run("check"); !strings.Contains(out, "no damage found") {
			t.Fatalf("after kill %d: %s", i, out)
		}
	}
	if killed < 10 {
		t.Errorf("only %d of 20 snapshots were killed", killed)
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
	for _, args := range [][]string{
		{"snapshot", "tree", "--compression", "max"},
		{"snapshot", "--stdin"},                             // blocked in a read
		{"snapshot", "--command", "exec sleep 60"},          // blocked by a command
		{"snapshots", "--password-command", "exec sleep 9"}, // blocked before it begins
	} {
		cmd := s.command(args...)
		cmd.Stdin = keepOpen
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond) // for the process to be in the middle
		sent := time.Now()
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if took := time.Since(sent); took > 1200*time.Millisecond || cmd.ProcessState.ExitCode() != 130 {
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
	s := newSession(t)
	s.run("init", "--key-file", "key")
	s.fill("tree", 0)
	s.run("snapshot", "tree")
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	loop := func(name string, limit time.Duration, step func(n int) []string) {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				args := step(n)
				start := time.Now()
				out, code := s.try(args...)
				if code != 0 {
					t.Errorf("%s: exit code %d\n%s", name, code, out)
					return
				}
				if took := time.Since(start); took > limit {
					t.Errorf("%s took %v", name, took)
				}
			}
		})
	}
	for i := range 2 {
		dir := fmt.Sprintf("tree%d", i)
		loop("snapshot "+dir, 10*time.Second, func(n int) []string {
			for f := range uint64(5) {
				s.write(fmt.Sprintf("%s/f%d", dir, f), treetest.Bytes(uint64(n)*10+f+uint64(i)*1000, 500_000))
			}
			return []string{"snapshot", dir}
		})
	}
	loop("ls", 3*time.Second, func(int) []string { return []string{"ls", "latest", "--path", s.path("tree")} })
	loop("restore", 10*time.Second, func(n int) []string {
		return []string{"restore", "latest", "--path", s.path("tree"), "--target", "out", "--no-sync"}
	})
	loop("check", 10*time.Second, func(int) []string { return []string{"check"} })
	wg.Wait()
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
	for _, want := range []string{"tree/secret: permission denied", "tree/locked: permission denied", "snapshot ", "2 paths could not be read as it should"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if code != exitPartial {
		t.Errorf("exit code %d", code)
	}
	if out := nobody.run("snapshots"); !strings.Contains(out, "incomplete: 2 problems") {
		t.Error(out)
	}
	out, code = nobody.try("restore", "latest", "--target", "out")
	if code != exitFailed || !strings.Contains(out, "secret: it is not in the snapshot: when that was made: open: permission denied") {
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
