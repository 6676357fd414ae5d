package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestSystemdAcceptsTheUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("QSNAP_TEST_SCHEDULERS") == "required" {
			t.Fatal(err)
		}
		t.Skip("systemd-analyze is not installed")
	}
	for _, system := range []bool{true, false} {
		dir := t.TempDir()
		program := filepath.Join(dir, "50% of qsnapd")
		if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "qsnapd.service")
		if err := os.WriteFile(file, []byte(unitText(program, system)), 0o644); err != nil {
			t.Fatal(err)
		}
		args := []string{"verify", "--man=no", file}
		if !system {
			args = append(args, "--user")
		}
		cmd := exec.Command(analyze, args...)
		cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir, "LC_ALL=C", "SYSTEMD_COLORS=0")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%v: %s", err, out)
		}
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "qsnapd") {
				t.Error(line)
			}
		}
	}
}

func TestSystemdHearsWhatTheServiceDoes(t *testing.T) {
	t.Parallel()
	h := newHost(t, "  app: {repo: ROOT/repo}\n")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: h.path("notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	// hears waits for a message, and returns those before it, without watchdogs.
	hears := func(want string) (before []string) {
		t.Helper()
		for buffer := make([]byte, 1024); ; {
			n, err := socket.Read(buffer)
			if err != nil {
				t.Fatal(err)
			}
			text := string(buffer[:n])
			if strings.HasPrefix(text, want) {
				return before
			}
			if text != "WATCHDOG=1" {
				before = append(before, text)
			}
		}
	}
	h.env = append(h.env, "NOTIFY_SOCKET="+h.path("notify"))
	service := h.serve()
	hears("READY=1")
	if err := service.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	hears("RELOADING=1\nMONOTONIC_USEC=")
	hears("READY=1")
	if err := h.client().Pause(t.Context(), ""); err != nil { // the loop takes a turn
		t.Fatal(err)
	}
	hears("WATCHDOG=1")
	if err := service.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if before := hears("STOPPING=1"); slices.Contains(before, "READY=1") {
		t.Errorf("%q", before)
	}
	_ = service.Wait()
}

func TestChildrenOfTheServiceGetNothingOfItsManager(t *testing.T) {
	for variable, is := range map[string]bool{"NOTIFY_SOCKET=/x": true, "WATCHDOG_USEC=1": true, "WATCHDOG_PID=1": true, "NOTIFY": false, "PATH=/bin": false} {
		if ofService(variable) != is {
			t.Errorf("%s: %v", variable, !is)
		}
	}
}

func TestTheGroupOfTheConfigurationMayAsk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give files to a group")
	}
	t.Parallel()
	h := newHost(t, "  app: {repo: ROOT/repo}\nservice: {socket: {group: daemon}}\n")
	for range 2 { // also when the state directory is there
		service := h.serve()
		for name, mode := range map[string]os.FileMode{"state": 0o710, "state/control.sock": 0o660} {
			info, err := os.Stat(h.path(name))
			if err != nil || info.Mode().Perm() != mode {
				t.Errorf("%s: %v, %v", name, info.Mode(), err)
			}
		}
		if code := h.end(service); code != 0 {
			t.Errorf("exit code %d", code)
		}
	}
}

func TestTheLoadIsThatOfAllProcessors(t *testing.T) {
	busy, idle := processorTimes("cpu  10 1 2 100 20 3 4 5 6 7\ncpu0 1 1 1 1\n")
	if busy != 10+1+2+3+4+5 || idle != 120 {
		t.Errorf("%d and %d", busy, idle)
	}
	for _, text := range []string{"", "cpu", "cpu x y z", "\n"} {
		processorTimes(text)
	}
}
