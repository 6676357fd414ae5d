//go:build scale && linux

package scale

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A program is qsnap with a repository and a cache of its own.
type program struct {
	binary string
	env    []string
}

// newProgram builds qsnap and makes a repository.
func newProgram(t *testing.T) program {
	t.Helper()
	dir := t.TempDir()
	p := program{filepath.Join(dir, "qsnap"), append(os.Environ(),
		"QSNAP_REPO="+filepath.Join(dir, "repo"), "QSNAP_KEY_FILE="+filepath.Join(dir, "key"), "QSNAP_CACHE_DIR="+filepath.Join(dir, "cache"))}
	build := exec.Command("go", "build", "-o", p.binary, "github.com/qsnap/qsnap/cmd/qsnap")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p.run(t, "init")
	return p
}

// A usage is what a run of the program took.
type usage struct {
	clock, processor time.Duration
	memory           int64 // bytes resident at most
}

func (p program) run(t *testing.T, args ...string) usage {
	t.Helper()
	cmd := exec.Command(p.binary, args...)
	cmd.Env = p.env
	start := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("qsnap %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	used := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return usage{time.Since(start), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), used.Maxrss << 10}
}
