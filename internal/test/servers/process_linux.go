package servers

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// run runs the server's process until the test ends.
func (s *Server) run(args ...string) {
	s.t.Helper()
	s.command = append([]string{s.program}, args...)
	s.Restart()
	s.t.Cleanup(func() {
		if s.cmd != nil {
			s.Kill()
		}
	})
}

// Restart starts a server that was killed, at the same address, and returns when it
// listens.
func (s *Server) Restart() {
	s.t.Helper()
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	s.check(err)
	defer log.Close()
	s.cmd = exec.Command(s.command[0], s.command[1:]...)
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.Dir = log, log, s.dir
	s.cmd.Env = append(os.Environ(), s.env...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	s.check(s.cmd.Start())
	s.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait() // it is killed sooner or later
		close(ended)
	}(s.cmd, s.ended)
	limit := time.After(30 * time.Second)
	for tick := time.Tick(20 * time.Millisecond); ; {
		conn, err := net.Dial("tcp", s.Addr)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-tick:
			continue
		case <-s.ended:
		case <-limit:
		}
		text, err := os.ReadFile(log.Name())
		s.t.Fatalf("%s doesn't start: %s %v", s.Name, text, err)
	}
}

// Kill ends all processes of the server as a power failure would.
func (s *Server) Kill() {
	s.t.Helper()
	pid := s.cmd.Process.Pid
	// Stopped, it has no more children meanwhile.
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil && !errors.Is(err, syscall.ESRCH) {
		s.check(err)
	}
	children, err := descendants(pid)
	s.check(err)
	for _, pid := range append(children, pid) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			s.check(err)
		}
	}
	<-s.ended
	s.cmd = nil
}

// descendants returns the processes that a process has started, and those these have.
func descendants(pid int) ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	for _, name := range stats {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state parent …: proc_pid_stat(5).
		line := string(text)
		fields := strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
		child, err1 := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if len(fields) < 2 || err1 != nil {
			return nil, fmt.Errorf("%s: %q", name, line)
		}
		parent, err := strconv.Atoi(fields[1])
		if err != nil {
			return nil, fmt.Errorf("%s: %q", name, line)
		}
		children[parent] = append(children[parent], child)
	}
	var all []int
	for next := []int{pid}; len(next) > 0; next = next[1:] {
		all = append(all, children[next[0]]...)
		next = append(next, children[next[0]]...)
	}
	return all, nil
}
