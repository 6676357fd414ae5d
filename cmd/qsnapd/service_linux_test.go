package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/qsnap/qsnap/internal/control/client"
	"github.com/qsnap/qsnap/internal/history"
	"github.com/qsnap/qsnap/internal/state"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"qsnapd": main}) }

// A host has a configuration, a state directory, and services that are real processes.
type host struct {
	*testing.T
	dir string // short, because of the socket
	env []string
}

func newHost(t *testing.T, profiles string) *host {
	t.Helper()
	dir, err := os.MkdirTemp("", "qsnapd")
	if err != nil {
		t.Fatal(err)
	}
	h := &host{t, dir, []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "TZ=UTC", "QSNAP_HOST=web1", "QSNAP_NO_KEYRING=1"}}
	t.Cleanup(func() { os.RemoveAll(dir) })
	h.write("src/file", "content")
	key, err := repo.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	h.write("key", key)
	h.configure(profiles)
	return h
}

func (h *host) path(name string) string { return filepath.Join(h.dir, name) }

func (h *host) write(name, text string) {
	h.Helper()
	if err := os.MkdirAll(filepath.Dir(h.path(name)), 0o755); err != nil {
		h.Fatal(err)
	}
	if err := os.WriteFile(h.path(name), []byte(text), 0o600); err != nil {
		h.Fatal(err)
	}
}

// configure writes the configuration: profiles as name and further keys, which inherit
// sources and key from default. It makes the repositories that are not there.
func (h *host) configure(profiles string) {
	h.Helper()
	h.write("config.yaml", fmt.Sprintf("profiles:\n  default:\n    sources: [%s]\n    key-file: %s\n    cache-dir: %s\n    limits: {mode: \"off\"}\n%s",
		h.path("src"), h.path("key"), h.path("cache"), strings.ReplaceAll(profiles, "ROOT", h.dir)))
	set, err := profile.Load(h.path("config.yaml"), h.getenv)
	if err != nil {
		h.Fatal(err)
	}
	for _, name := range set.Names() {
		p, err := set.Get(name)
		if err != nil {
			h.Fatal(err)
		}
		h.initialize(p)
	}
}

// initialize makes the repository of a profile, unless it is there.
func (h *host) initialize(p profile.Profile) {
	h.Helper()
	c, secret, err := p.Connect(h.getenv)
	if err != nil {
		h.Fatal(err)
	}
	if _, err := os.Stat(c.Location.Directory()); err == nil {
		return
	}
	r, err := connect.Init(h.Context(), c, secret, repo.InitOptions{Options: repo.Options{CacheDir: h.path("cache")}})
	if err != nil {
		h.Fatal(err)
	}
	if err := r.Close(); err != nil {
		h.Fatal(err)
	}
}

func (h *host) getenv(name string) string {
	for _, v := range h.env {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// serve starts a service.
func (h *host) serve(flags ...string) *exec.Cmd {
	h.Helper()
	cmd := h.command(flags...)
	out, err := cmd.StderrPipe()
	if err != nil {
		h.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = cmd.Process.Kill() })
	ready := make(chan bool, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			h.Log(lines.Text())
			if strings.Contains(lines.Text(), "the service is ready") {
				ready <- true
			}
		}
		close(ready)
	}()
	if !<-ready {
		h.Fatal("the service ended before it was ready")
	}
	return cmd
}

func (h *host) command(flags ...string) *exec.Cmd {
	h.Helper()
	binary, err := exec.LookPath("qsnapd") // testscript has put itself there
	if err != nil {
		h.Fatal(err)
	}
	cmd := exec.Command(binary, append([]string{"--config", h.path("config.yaml"), "--state", h.path("state")}, flags...)...)
	cmd.Env = h.env
	return cmd
}

// end ends a service and returns its exit code.
func (h *host) end(cmd *exec.Cmd) int {
	h.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		h.Fatal(err)
	}
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode()
}

func (h *host) client() *client.Client { return client.New(h.path("state")) }

func (h *host) status() report.Service {
	h.Helper()
	s, err := h.client().Status(context.Background())
	if err != nil {
		h.Fatal(err)
	}
	return s
}

// await waits until something is so.
func (h *host) await(what string, is func() bool) {
	h.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.Fatalf("not so after a minute: %s", what)
		}
	}
}

// records returns the history of a profile.
func (h *host) records(name string) []report.Run {
	h.Helper()
	dir, err := state.Open(h.path("state"), rand.Reader, time.Now)
	if err != nil {
		h.Fatal(err)
	}
	list, err := history.Open(dir).List(history.Filter{Profile: name})
	if err != nil {
		h.Fatal(err)
	}
	return list
}

func (h *host) open(name string) *connect.Repo {
	h.Helper()
	set, err := profile.Load(h.path("config.yaml"), h.getenv)
	if err != nil {
		h.Fatal(err)
	}
	p, err := set.Get(name)
	if err != nil {
		h.Fatal(err)
	}
	c, secret, err := p.Connect(h.getenv)
	if err != nil {
		h.Fatal(err)
	}
	r, err := connect.Open(h.Context(), c, secret, repo.Options{CacheDir: h.path("cache")})
	if err != nil {
		h.Fatal(err)
	}
	return r
}

// versions returns the versions of a profile.
func (h *host) versions(name string) []*snapshot.Manifest {
	h.Helper()
	r := h.open(name)
	defer r.Close()
	list, err := r.Snapshots(h.Context(), repo.Filter{})
	if err != nil {
		h.Fatal(err)
	}
	return list
}

func (h *host) exists(name string) bool {
	_, err := os.Stat(h.path(name))
	return !errors.Is(err, os.ErrNotExist)
}
