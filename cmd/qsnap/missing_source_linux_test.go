package main

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

func TestANamedPathThatCannotBeReadIsMissing(t *testing.T) {
	s := newSession(t)
	for _, name := range []string{"w/open/f", "w/locked/f", "w/file", "w/dead/m/f"} {
		s.write(name, []byte(name))
	}
	nobody := s.asNobody()
	for name, mode := range map[string]os.FileMode{"w/locked": 0, "w/file": 0, "w/dead": 0, "w": 0o311} { // w may be entered, not listed
		if err := os.Chmod(s.path(name), mode); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(s.path(name), 0o755) })
	}
	nobody.run("init", "--key-file", "key")
	for _, c := range []struct{ named, missing string }{
		{"w/open w/locked", "w/locked"},
		{"w/open w/file", "w/file"},
		{"w/open w/dead/m", "w/dead/m"},
		{"w/open w/gone", "w/gone"},
		{"w/open", ""},
		{"w/open/f w/open", ""},
		{"w/locked w/file", "all"},
		{"w/locked", "all"},
		{"w/file", "all"},
	} {
		out, code := nobody.try(append([]string{"snapshot"}, strings.Fields(c.named)...)...)
		switch {
		case c.missing == "all" && (code != exitFailed || strings.Contains(out, "saved") || strings.Count(out, "\n") != 1):
			t.Errorf("%s: exit code %d\n%s", c.named, code, out)
		case c.missing == "" && code != exitOK:
			t.Errorf("%s: exit code %d\n%s", c.named, code, out)
		case c.missing != "" && c.missing != "all" && (code != exitNotWhole || !strings.Contains(out, s.path(c.missing)+" is not in the snapshot: ")):
			t.Errorf("%s: exit code %d\n%s", c.named, code, out)
		}
		if c.missing != "all" && !strings.Contains(nobody.run("ls", "latest"), "f\n") {
			t.Errorf("%s: what could be read is not in the snapshot", c.named)
		}
	}
}

// What /etc/fstab says is to be mounted is missing when it isn't, also the first time.
func TestAnEmptyMountPointOfFstabIsMissing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a mount namespace takes root")
	}
	s := newSession(t)
	s.write("w/beside/f", []byte("x"))
	s.write("w/filled/f", []byte("x"))
	if err := os.MkdirAll(s.path("w/away"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.write("fstab", []byte("# a comment\nUUID=1 "+s.path("w/away")+" ext4 noauto 0 2\nUUID=2 "+s.path("w/filled")+"/ ext4 defaults 0 2\nUUID=3 none swap sw 0 0\n"))
	s.run("init", "--key-file", "key")
	try := func(args string) (string, int) {
		t.Helper()
		cmd := s.command()
		cmd.Args = []string{"sh", "-c", "mount --bind fstab /etc/fstab && exec " + cmd.Path + " snapshot " + args}
		cmd.Path, cmd.SysProcAttr = "/bin/sh", &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
		out, err := cmd.CombinedOutput()
		if _, exited := err.(*exec.ExitError); err != nil && !exited {
			t.Skipf("a mount namespace: %v", err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	for _, c := range []struct {
		args, say string
		code      int
	}{
		{"w/away", "nothing is mounted now", exitFailed},
		{"w/away w/beside", s.path("w/away") + " is not in the snapshot: it is a mount point where nothing is mounted now", exitNotWhole},
		{"--allow-empty-source w/away", "saved", exitOK},
		{"w/filled", "saved", exitOK},
		{"w", "saved", exitOK}, // it never had anything there
	} {
		if out, code := try(c.args); code != c.code || !strings.Contains(out, c.say) {
			t.Errorf("%s: exit code %d\n%s", c.args, code, out)
		}
	}
}
