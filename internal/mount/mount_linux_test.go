package mount

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/qsnap/qsnap/internal/test/treetest"
	"github.com/qsnap/qsnap/repo"
)

func TestSnapshotsAppearWhileMounted(t *testing.T) {
	m := newRepo(t)
	m.start(Options{Filter: repo.Filter{Hostname: "web1"}})
	if got := m.names("snapshots"); got != nil {
		t.Errorf("at first: %q", got)
	}
	if _, err := os.Stat(m.path("snapshots/latest")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("latest of none: %v", err)
	}
	for i, want := range [][]string{
		{"2026-11-20T12:00:02", "latest"},
		{"2026-11-20T12:00:02", "2026-11-20T12:00:04", "latest"},
	} {
		m.wait(refreshInterval)
		content := "version" + strings.Repeat("!", i)
		src := repo.FromFS(fstest.MapFS{"f": {Data: []byte(content)}}, "/x")
		m.snapshot(src, repo.SnapshotOptions{Hostname: "web1"})
		m.snapshot(src, repo.SnapshotOptions{Hostname: "web2"})
		for _, dir := range []string{"snapshots", "hosts/web1"} {
			if got := m.names(dir); !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", dir, got, want)
			}
		}
		// The kernel asks again for what it was told a second ago.
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			b, err := os.ReadFile(m.path("snapshots/latest/f"))
			if string(b) == content {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("latest: %q, %v", b, err)
			}
		}
	}
	if got := m.names("hosts"); !slices.Equal(got, []string{"web1"}) {
		t.Errorf("hosts: %q", got)
	}
}

// Who isn't let in sees nothing; who is, what the captured modes and ACLs allow.
func TestOthersAreLetInAsFarAsTheCapturedModesAllow(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: only root can be another user")
	}
	src := filepath.Join(t.TempDir(), "src")
	treetest.Odd(t, src) // whose attributes/acl lets user 1234 read
	m := newRepo(t)
	m.snapshot(repo.Paths(src), repo.SnapshotOptions{})
	for _, allow := range []bool{false, true} {
		m.start(Options{AllowOther: allow})
		if err := os.Chmod(filepath.Dir(m.Dir()), 0o755); err != nil { // the test's own directory
			t.Fatal(err)
		}
		for name, may := range map[string]map[uint32]bool{
			"plain.txt": {1234: true, 5678: true}, "empty": {1234: false, 5678: false}, "attributes/acl": {1234: true, 5678: false},
		} {
			for user, may := range may {
				cat := exec.Command("cat", m.path("snapshots/latest/"+name))
				cat.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
				if out, err := cat.CombinedOutput(); (err == nil) != (may && allow) {
					t.Errorf("allow-other %v: user %d reading %s: %v %s", allow, user, name, err, out)
				}
			}
		}
		if err := m.Unmount(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAMountSaysWhoHoldsItAndLetsThemFinish(t *testing.T) {
	m := newRepo(t)
	data := treetest.Bytes(1, 3<<20)
	m.snapshot(repo.FromFS(fstest.MapFS{"f": {Data: data}}, "/x"), repo.SnapshotOptions{})
	m.start(Options{})
	f, err := os.Open(m.path("snapshots/2026-11-20T12:00:00/f"))
	if err != nil {
		t.Fatal(err)
	}
	err = m.Unmount()
	if _, ok := errors.AsType[*BusyError](err); !ok {
		t.Fatalf("unmounting with an open file: %v", err)
	}
	want := fmt.Sprintf("(pid %d): it has open %s/snapshots/2026-11-20T12:00:00/f", os.Getpid(), m.Dir())
	if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%q, want %q", err, want)
	}
	if err := m.Detach(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(mountPoints(t), m.Dir()) {
		t.Error("it is still mounted")
	}
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, data) {
		t.Errorf("the one who held it read %d bytes, %v", len(got), err)
	}
	select {
	case <-m.Done():
		t.Error("it was done before its holder was")
	default:
	}
	f.Close()
	<-m.Done()
}

func TestUnmountingLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	m := newRepo(t)
	m.snapshot(repo.FromFS(fstest.MapFS{"d/f": {Data: []byte("x")}}, "/x"), repo.SnapshotOptions{})
	m.start(Options{})
	if got := m.names("snapshots/latest/d"); !slices.Equal(got, []string{"f"}) {
		t.Errorf("%q", got)
	}
	if err := m.Unmount(); err != nil {
		t.Fatal(err)
	}
	<-m.Done()
	if strings.Contains(mountPoints(t), m.Dir()) {
		t.Error("it is still mounted")
	}
	if names, err := os.ReadDir(m.Dir()); err != nil || len(names) > 0 {
		t.Errorf("left behind: %v, %v", names, err)
	}
	if err := errors.Join(m.Unmount(), m.Detach()); err != nil {
		t.Errorf("once more: %v", err)
	}
	for deadline := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<16)
			t.Fatalf("goroutines are left:\n%s", buf[:runtime.Stack(buf, true)])
		}
	}
}

func TestAPlaceThatCannotBeMountedOnIsRefused(t *testing.T) {
	m := newRepo(t)
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "f"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{full: "is not empty", filepath.Join(full, "f"): "not a directory", filepath.Join(full, "none"): "no such file"} {
		if _, err := Start(t.Context(), m.Repo, dir, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", dir, err, want)
		}
	}
}

func TestAnInterruptedRequestGoesOnForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{ctx: t.Context()}
		request, interrupt := context.WithCancel(t.Context())
		ctx, done := s.patient(request)
		defer done()
		interrupt()
		time.Sleep(patience - time.Millisecond)
		synctest.Wait()
		if ctx.Err() != nil {
			t.Error("it was called off at once")
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if ctx.Err() == nil {
			t.Error("it was never called off")
		}
	})
}
