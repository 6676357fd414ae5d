package rclone

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// needRclone skips a test where rclone is missing.
func needRclone(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("rclone"); err != nil {
		if os.Getenv("QSNAP_TEST_SERVERS") == "required" {
			t.Fatal(err)
		}
		t.Skip("rclone is not installed; QSNAP_TEST_SERVERS=required makes this an error")
	}
}

// openDir opens a directory as a remote, with nothing of the user's configuration.
func openDir(t *testing.T, dir string) *Target {
	t.Helper()
	tgt, err := Open(t.Context(), Options{Remote: dir, Args: noConfig, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tgt.Close(); err != nil {
			t.Error(err)
		}
	})
	return tgt
}

var noConfig = []string{"--config=/none/rclone.conf"}

// quick returns a directory on a quick file system.
func quick(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "qsnap-rclone-*")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// A turns target has one of several do each operation: so they share one remote as
// processes of several hosts would.
type turns struct {
	of []target.Target
	n  atomic.Int64
}

func (s *turns) next() target.Target { return s.of[s.n.Add(1)%int64(len(s.of))] }

func (s *turns) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	return s.next().Put(ctx, name, body, size)
}

func (s *turns) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	return s.next().Get(ctx, name, off, n)
}

func (s *turns) Stat(ctx context.Context, name string) (target.Info, error) {
	return s.next().Stat(ctx, name)
}

func (s *turns) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	return s.next().List(ctx, prefix)
}

func (s *turns) Delete(ctx context.Context, name string) error { return s.next().Delete(ctx, name) }

func TestOneAndSeveralKeepTheContract(t *testing.T) {
	t.Parallel()
	needRclone(t)
	dir := quick(t)
	one, two := openDir(t, dir), openDir(t, dir)
	if err := targettest.Check(t.Context(), one); err != nil {
		t.Errorf("one: %v", err)
	}
	for range 5 {
		if err := targettest.Check(t.Context(), &turns{of: []target.Target{one, two}}); err != nil {
			t.Errorf("two: %v", err)
		}
	}
	if one.String() != "rclone:"+dir {
		t.Errorf("it calls itself %s", one)
	}
}

func TestARepositoryOnARemote(t *testing.T) {
	t.Parallel()
	needRclone(t)
	text, err := repo.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	key, err := repo.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(quick(t), "new", "place")
	tgt, err := Open(t.Context(), Options{Remote: dir, Args: noConfig})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("open of a path that isn't there: %v, %v", tgt, err)
	}
	tgt, err = Open(t.Context(), Options{Remote: dir, Args: noConfig, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer tgt.Close()
	r, err := repo.Init(t.Context(), tgt, key, repo.InitOptions{Options: repo.Options{CacheDir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	files := fstest.MapFS{"a/b": {Data: bytes.Repeat([]byte("text "), 300_000)}, "c": {}}
	m, err := r.Snapshot(t.Context(), repo.FromFS(files, "/srv"), repo.SnapshotOptions{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := r.Check(t.Context(), repo.CheckOptions{ReadData: true})
	if err != nil || len(report.Findings) > 0 {
		t.Errorf("check: %+v, %v", report, err)
	}
	if _, err := r.Restore(t.Context(), m, repo.RestoreOptions{To: t.TempDir(), Verify: true, NoOwner: true}); err != nil {
		t.Error(err)
	}
}

func TestThePasswordIsOnNoCommandLine(t *testing.T) {
	needRclone(t)
	tgt := openDir(t, quick(t))
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", tgt.server.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if secret := tgt.server.journal.secret; len(secret) < 20 || bytes.Contains(line, []byte(secret)) {
		t.Errorf("the password %q, the command line %q", secret, line)
	}
}

func TestFailuresSayWhatRcloneSays(t *testing.T) {
	needRclone(t)
	dir := quick(t)
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, o := range map[string]Options{
		"didn't find section in config file": {Remote: "nope:x"},
		"unknown flag: --nope":               {Remote: dir, Args: []string{"--nope"}},
		"is not a remote":                    {Remote: "--config"},
		"not a directory":                    {Remote: file},
		"executable file not found":          {Remote: dir, Command: "rclone-that-is-not-there"},
	} {
		tgt, err := Open(t.Context(), o)
		if err == nil {
			tgt.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
	t.Setenv("RCLONE_READ_ONLY", "true")
	tgt := openDir(t, dir)
	if err := tgt.Put(t.Context(), "a", strings.NewReader("x"), 1); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("put to what is read-only: %v", err)
	}
	t.Setenv("RCLONE_READ_ONLY", "false")
	tgt = openDir(t, dir)
	if err := tgt.Put(t.Context(), "packs/a", strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "packs")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "packs"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := tgt.Put(t.Context(), "packs/b", strings.NewReader("x"), 1); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("put below a file: %v", err)
	}
}

func TestAnRcloneThatDiedIsSaid(t *testing.T) {
	needRclone(t)
	tgt := openDir(t, quick(t))
	if err := tgt.Put(t.Context(), "a", strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}
	if err := tgt.server.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-tgt.server.ended
	for _, err := range []error{
		tgt.Put(t.Context(), "b", strings.NewReader("x"), 1),
		tgt.Delete(t.Context(), "a"),
	} {
		if err == nil || !strings.Contains(err.Error(), "signal: killed") || strings.Contains(err.Error(), "\n") {
			t.Errorf("it returns %v", err)
		}
	}
}

func TestARemoteThatVanishedIsNotEmpty(t *testing.T) {
	t.Parallel()
	needRclone(t)
	dir := filepath.Join(quick(t), "mounted")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	tgt := openDir(t, dir)
	for range tgt.List(t.Context(), "") {
		t.Error("something is listed")
	}
	if err := tgt.Put(t.Context(), "snapshots/a", strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{"", "snapshots/"} {
		var listed error
		for _, err := range tgt.List(t.Context(), prefix) {
			listed = err
		}
		if !errors.Is(listed, fs.ErrNotExist) {
			t.Errorf("list of %q: %v", prefix, listed)
		}
	}
}

func TestOpeningCanBeCancelled(t *testing.T) {
	needRclone(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, Options{Remote: quick(t), Args: noConfig}); !errors.Is(err, context.Canceled) {
		t.Errorf("open returns %v", err)
	}
}

// gone waits until a process isn't there any more, or only as a zombie.
func gone(t *testing.T, pid string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for tick := time.Tick(10 * time.Millisecond); ; {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || bytes.Contains(stat, []byte(") Z ")) {
			return true
		}
		select {
		case <-tick:
		case <-ctx.Done():
			return false
		}
	}
}

func TestCloseEndsRclone(t *testing.T) {
	needRclone(t)
	tgt, err := Open(t.Context(), Options{Remote: quick(t), Args: noConfig})
	if err != nil {
		t.Fatal(err)
	}
	pid := fmt.Sprint(tgt.server.cmd.Process.Pid)
	for range 2 {
		if err := tgt.Close(); err != nil {
			t.Error(err)
		}
	}
	if !gone(t, pid) {
		t.Error("rclone runs on")
	}
}

const childEnv = "QSNAP_TEST_RCLONE_DIR"

// TestMain is also the process that is killed below.
func TestMain(m *testing.M) {
	dir := os.Getenv(childEnv)
	if dir == "" {
		os.Exit(m.Run())
	}
	tgt, err := Open(context.Background(), Options{Remote: dir, Args: noConfig})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(tgt.server.cmd.Process.Pid)
	select {}
}

func TestRcloneDoesNotOutliveUs(t *testing.T) {
	needRclone(t)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+quick(t))
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	pid, err := bufio.NewReader(out).ReadString('\n')
	pid = strings.TrimSpace(pid)
	if _, alive := os.Stat("/proc/" + pid); err != nil || pid == "" || alive != nil {
		t.Fatalf("the child says %q, %v, %v", pid, err, alive)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	if !gone(t, pid) {
		t.Error("rclone runs on")
	}
}
