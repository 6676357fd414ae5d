package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// An automounter is asked by the kernel to mount something at a directory when somebody
// first looks at it.
type automounter struct {
	t     *testing.T
	dir   string
	root  int // the directory beneath what is mounted
	mount func(dir string) error
}

// What the kernel and an automounter say to each other: linux/auto_fs.h.
const (
	autofsReady         = 0x9360 // _IO(0x93, 0x60)
	autofsFail          = 0x9361
	autofsCatatonic     = 0x9362
	autofsMissingDirect = 5
	autofsPacket        = 304 // with the padding of 64-bit machines
)

// automount makes a directory one that is mounted when it is looked at. Mount mounts
// something there, or fails; nil never answers.
func automount(t *testing.T, dir string, mount func(dir string) error) *automounter {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting takes root")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	asks, answers, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	options := fmt.Sprintf("fd=%d,pgrp=%d,minproto=5,maxproto=5,direct", answers.Fd(), unix.Getpgrp())
	if err := unix.Mount("test", dir, "autofs", 0, options); err != nil {
		t.Skipf("this system has no autofs: %v", err)
	}
	a := &automounter{t: t, dir: dir, mount: mount}
	// This process isn't held up there, being the automounter's.
	if a.root, err = unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { a.serve(asks) })
	t.Cleanup(func() {
		_ = unix.IoctlSetInt(a.root, autofsCatatonic, 0) // nobody waits any more
		unix.Close(a.root)
		for unix.Unmount(dir, unix.MNT_DETACH) == nil { // both
		}
		answers.Close()
		serving.Wait()
		asks.Close()
	})
	return a
}

func (a *automounter) serve(asks *os.File) {
	for packet := make([]byte, autofsPacket); ; {
		n, err := asks.Read(packet)
		if err != nil || n < 12 {
			return
		}
		if kind := binary.NativeEndian.Uint32(packet[4:]); kind != autofsMissingDirect || a.mount == nil {
			continue
		}
		answer := uint(autofsReady)
		if err := a.mount(a.dir); err != nil {
			answer = autofsFail
		}
		if err := unix.IoctlSetInt(a.root, answer, int(binary.NativeEndian.Uint32(packet[8:]))); err != nil {
			a.t.Errorf("answering the kernel: %v", err)
		}
	}
}

// within runs a command in a process group of its own, which must end within a time.
func (s *session) within(limit time.Duration, args ...string) (out string, code int) {
	s.t.Helper()
	cmd := s.command(args...)
	cmd.SysProcAttr.Setpgid = true
	var b strings.Builder
	cmd.Stdout, cmd.Stderr = &b, &b
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	timer := time.AfterFunc(limit, func() { _ = cmd.Process.Signal(syscall.SIGKILL) })
	err := cmd.Wait()
	if !timer.Stop() {
		s.t.Errorf("qsnap %s: still running after %v\n%s", strings.Join(args, " "), limit, b.String())
	}
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		s.t.Fatal(err)
	}
	return b.String(), cmd.ProcessState.ExitCode()
}

// What is mounted when it is looked at counts after one look: what then is there is taken,
// and where nothing comes, it is missing. What is left out isn't looked at.
func TestAnAutomounterIsGivenOneLook(t *testing.T) {
	s := newSession(t)
	s.run("init", "--key-file", "key")
	s.write("server/f", []byte("content"))
	for n, c := range []struct {
		name  string
		what  string // the automounter does, after it mounted once and that was unmounted again
		args  string
		code  int
		holds string // by the newest version
		says  string
	}{
		{"it comes", "mounts", "auto", exitOK, "f\n", ""},
		{"it fails", "fails", "auto", exitFailed, "f\n", "auto: the automounter has mounted nothing: no such file or directory"},
		{"nothing comes", "mounts nothing", "auto", exitFailed, "f\n", "auto: the automounter has mounted nothing"},
		{"it comes below", "mounts", "tree", exitOK, "auto\nauto/f\ng\n", ""},
		{"it fails below", "fails", "tree", exitNotWhole, "g\n", "tree/auto: the automounter has mounted nothing"},
		{"nothing comes below", "mounts nothing", "tree", exitNotWhole, "g\n", "tree/auto: the automounter has mounted nothing"},
		{"it never answers, below, with -x", "never answers", "-x tree", exitOK, "auto\ng\n", ""},
		{"it never answers, and is excluded", "never answers", "--exclude /auto tree", exitOK, "g\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := fmt.Sprint("w", n, "/")
			s.write(w+"tree/g", []byte("content"))
			snapshot := append([]string{"-q", "snapshot"}, strings.Fields(c.args)...)
			dir := &snapshot[len(snapshot)-1]
			at := s.path(w + "auto")
			if *dir == "tree" {
				at = s.path(w + "tree/auto")
			}
			*dir = w + *dir
			what := atomic.Pointer[string]{}
			mount := func(dir string) error {
				switch *what.Load() {
				case "fails":
					return unix.EHOSTDOWN
				case "mounts":
					return unix.Mount(s.path("server"), dir, "", unix.MS_BIND, "")
				}
				return nil
			}
			if c.what == "never answers" {
				mount = nil
			}
			automount(t, at, mount)
			if mount != nil {
				what.Store(new("mounts"))
				if out, code := s.within(time.Minute, snapshot...); code != exitOK {
					t.Fatalf("exit code %d\n%s", code, out)
				}
				if err := unix.Unmount(at, 0); err != nil {
					t.Fatal(err)
				}
			}
			what.Store(&c.what)
			out, code := s.within(time.Minute, snapshot...)
			if code != c.code || !strings.Contains(out, c.says) || (out == "") != (c.says == "") {
				t.Errorf("exit code %d, want %d\n%s", code, c.code, out)
			}
			if out := s.run("ls", "latest"); !strings.HasSuffix(out, c.holds) || strings.Contains(out, "auto/f") != strings.Contains(c.holds, "auto/f") {
				t.Errorf("it holds %q, want %q", out, c.holds)
			}
		})
	}
}

// A file system whose server never answers holds nobody up who leaves it out.
func TestAMountThatHangsHoldsNoSnapshotUpThatLeavesItOut(t *testing.T) {
	s := newSession(t)
	s.run("init", "--key-file", "key")
	s.write("tree/g", []byte("content"))
	s.write("list", []byte("/hung/\n"))
	s.write("tree/.qsnapignore", []byte("/hung\n"))
	hang(t, s.path("tree/hung"))
	if err := os.Symlink("hung", s.path("tree/link")); err != nil {
		t.Fatal(err)
	}
	hung := s.path("tree/hung")
	for _, args := range []string{
		"-x tree", "-x tree tree/g", "--exclude /hung tree", "--exclude hung/ tree", "--exclude " + hung + " tree", "--exclude h* tree tree/g",
		"--exclude-file list tree", "tree", "--exclude " + hung + "/below/it -x tree", "-x --exclude /nothing tree",
	} {
		out, code := s.within(20*time.Second, append([]string{"-q", "snapshot"}, strings.Fields(args)...)...)
		if code != exitOK || out != "" {
			t.Errorf("%s: exit code %d\n%s", args, code, out)
		}
		if out := s.run("ls", "latest"); !strings.Contains(out, "g\n") || strings.Contains(out, "hung/") {
			t.Errorf("%s: it holds %q", args, out)
		}
	}
}

// hang mounts a file system that never answers.
func hang(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting takes root")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	fuse, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("this system has no FUSE: %v", err)
	}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fuse)
	if err := unix.Mount("hung", dir, "fuse", unix.MS_NODEV|unix.MS_NOSUID, options); err != nil {
		unix.Close(fuse)
		t.Skipf("this system has no FUSE: %v", err)
	}
	t.Cleanup(func() {
		unix.Close(fuse) // all who wait get an error
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}
