//go:build scale && linux

package scale

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/local"
)

// A program is qsnap with a repository and a cache of its own.
type program struct {
	binary           string
	repo, key, cache string
	env              []string
}

// newProgram builds qsnap and makes a repository.
func newProgram(t *testing.T) program {
	t.Helper()
	dir := t.TempDir()
	p := program{binary: filepath.Join(dir, "qsnap"),
		repo: filepath.Join(dir, "repo"), key: filepath.Join(dir, "key"), cache: filepath.Join(dir, "cache")}
	p.env = append(os.Environ(), "QSNAP_REPO="+p.repo, "QSNAP_KEY_FILE="+p.key, "QSNAP_CACHE_DIR="+p.cache)
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
	anonymous        int64 // of these, what is of no file and can't be dropped
}

func (p program) run(t *testing.T, args ...string) usage {
	t.Helper()
	cmd := exec.Command(p.binary, args...)
	cmd.Env = p.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// What the system says when it is over counts from what this process had.
	memory, anonymous := watchMemory(cmd.Process.Pid, "VmHWM:"), watchMemory(cmd.Process.Pid, "RssAnon:")
	err := cmd.Wait()
	used := usage{time.Since(start), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), memory.stop(), anonymous.stop()}
	if err != nil {
		t.Fatalf("qsnap %s: %v\n%s", strings.Join(args, " "), err, &out)
	}
	return used
}

// files returns where the repository is.
func (p program) files(t *testing.T) *local.Target {
	t.Helper()
	files, err := local.Open(p.repo)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// open opens the repository in this process.
func (p program) open(t *testing.T, files target.Target, o repo.Options) *repo.Repo {
	t.Helper()
	text, err := os.ReadFile(p.key)
	if err != nil {
		t.Fatal(err)
	}
	key, err := repo.ParseKey(string(text))
	if err != nil {
		t.Fatal(err)
	}
	o.CacheDir = p.cache
	r, err := repo.Open(t.Context(), files, key, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// dropCache removes what the program has cached.
func (p program) dropCache(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(p.cache); err != nil {
		t.Fatal(err)
	}
}
