package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qsnap/qsnap/internal/test/chaos"
	"github.com/qsnap/qsnap/internal/test/servers"
	"github.com/qsnap/qsnap/internal/test/treetest"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// outage is how long a server that was killed stays away.
func outage() time.Duration {
	if os.Getenv("QSNAP_TEST_SERVERS") == "required" {
		return 20 * time.Second
	}
	return time.Second
}

// sizeBelow returns the bytes of all files below a directory in which others work.
func sizeBelow(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil
	})
	return n
}

// begin starts a snapshot and returns when that has stored some MiB.
func (s *session) begin(root string, args ...string) (wait func() (out string, code int)) {
	s.t.Helper()
	cmd := s.command(append([]string{"snapshot", "tree", "--limit-upload", "6M"}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	before := sizeBelow(root)
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // the exit code says it
		close(ended)
	}()
	for tick := time.Tick(10 * time.Millisecond); sizeBelow(root) < before+3<<20; {
		select {
		case <-tick:
		case <-ended:
			s.t.Fatalf("it has ended already: %s", out.String())
		}
	}
	return func() (string, int) {
		<-ended
		return out.String(), cmd.ProcessState.ExitCode()
	}
}

func TestASnapshotOutlivesAServerThatIsKilled(t *testing.T) {
	eachServer(t, func(t *testing.T, server *servers.Server, s *session) {
		if !server.Real {
			return // it would take the test with it
		}
		s.run("init", "--key-file", "key", "--pack-size", "2M")
		s.write("tree/a", treetest.Bytes(1, 20<<20))
		wait := s.begin(server.Root)
		server.Kill()
		<-time.After(outage())
		server.Restart()
		out, code := wait()
		if code != 0 || !strings.Contains(out, "trying again in") || !strings.Contains(out, "saved") {
			t.Errorf("exit code %d\n%s", code, out)
		}
		other := s.another(server, server.Addr)
		if out := other.run("check", "--read-data"); !strings.Contains(out, "no damage found") {
			t.Error(out)
		}
		other.run("restore", "latest", "--target", "out", "--no-sync")
		treetest.Same(t, s.path("tree"), other.path("out"))
	})
}

// Who is away for longer than they are waited for ends the run, with one line. The
// next one goes on.
func TestAServerThatStaysAwayEndsTheRunInTime(t *testing.T) {
	eachServer(t, func(t *testing.T, server *servers.Server, s *session) {
		if server.Addr == "" || server.Name == "gofakes3" { // which keeps nothing in a directory
			return
		}
		p, err := chaos.Start(chaos.Options{Server: server.Addr})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		s.env = append(s.env, "QSNAP_REPO="+server.URL(p.Addr()))
		s.env = append(s.env, server.Environ(s.home, server.Addr, p.Addr())...)
		s.run("init", "--key-file", "key", "--pack-size", "2M")
		s.write("tree/first", treetest.Bytes(2, 1<<20))
		s.run("snapshot", "tree")
		s.write("tree/a", treetest.Bytes(1, 20<<20))
		wait := s.begin(server.Root, "--retry-for", "3s", "--quiet")
		p.SetDown(true)
		start := time.Now()
		out, code := wait()
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("it ended after %s", took)
		}
		if code != exitUnreachable || strings.Count(out, "\n") != 1 || !strings.Contains(out, "given up after") || !strings.HasSuffix(out, "\n") {
			t.Errorf("exit code %d\n%s", code, out)
		}
		p.SetDown(false)
		if out := s.run("check", "--read-data"); !strings.Contains(out, "checked 1 snapshot") || !strings.Contains(out, "no damage found") {
			t.Error(out)
		}
		s.run("snapshot", "tree")
		s.run("restore", "latest", "--target", "out", "--no-sync")
		treetest.Same(t, s.path("tree"), s.path("out"))
	})
}

// A leaving target is there for some puts, and then away until a moment.
type leaving struct {
	*targettest.Memory
	puts  atomic.Int64 // that are left
	until time.Time
}

func (l *leaving) away() error {
	if l.puts.Load() < 0 && time.Now().Before(l.until) {
		return fmt.Errorf("dial host: %w", syscall.ECONNREFUSED)
	}
	return nil
}

func (l *leaving) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	l.puts.Add(-1)
	if err := l.away(); err != nil {
		return err
	}
	return l.Memory.Put(ctx, name, body, size)
}

func (l *leaving) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	if err := l.away(); err != nil {
		return nil, err
	}
	return l.Memory.Get(ctx, name, off, n)
}

func (l *leaving) Stat(ctx context.Context, name string) (target.Info, error) {
	if err := l.away(); err != nil {
		return target.Info{}, err
	}
	return l.Memory.Stat(ctx, name)
}

func (l *leaving) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	return func(yield func(target.Info, error) bool) {
		if err := l.away(); err != nil {
			yield(target.Info{}, err)
			return
		}
		l.Memory.List(ctx, prefix)(yield)
	}
}

func (l *leaving) Delete(ctx context.Context, name string) error {
	if err := l.away(); err != nil {
		return err
	}
	return l.Memory.Delete(ctx, name)
}

// Ten minutes are waited out, twenty are not; either way the next run goes on.
func TestAServerThatGoesAwayForTenMinutes(t *testing.T) {
	for away, saved := range map[time.Duration]bool{10 * time.Minute: true, 20 * time.Minute: false} {
		synctest.Test(t, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.MkdirAll(filepath.Join(dir, "tree"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "tree", "a"), treetest.Bytes(1, 100_000), 0o644); err != nil {
				t.Fatal(err)
			}
			l := &leaving{Memory: &targettest.Memory{}}
			l.puts.Store(1 << 30)
			s := connect.Scheme{Remote: true, Open: func(context.Context, connect.Endpoint) (target.Target, error) { return l, nil }}
			qsnap := func(args ...string) (int, string, string) {
				return runOn(t.Context(), s, nil, append([]string{"--repo", "test:x", "--key-file", filepath.Join(dir, "key"), "--cache-dir", filepath.Join(dir, "cache")}, args...)...)
			}
			if code, _, stderr := qsnap("init"); code != 0 {
				t.Fatal(stderr)
			}
			l.puts.Store(1) // the lease, say
			l.until = time.Now().Add(away)
			start := time.Now()
			code, stdout, stderr := qsnap("snapshot", filepath.Join(dir, "tree"))
			took := time.Since(start)
			if took < 9*time.Minute || took > 17*time.Minute || (code == 0) != saved || strings.Contains(stdout, "saved") != saved {
				t.Errorf("away for %s: %d after %s: %s%s", away, code, took, stdout, stderr)
			}
			lines := strings.Split(strings.TrimSpace(stderr), "\n")
			if last := lines[len(lines)-1]; !saved && (!strings.HasPrefix(last, "qsnap: ") || !strings.Contains(last, "given up after")) {
				t.Errorf("it ends with %q", last)
			}
			time.Sleep(time.Until(l.until)) // in no time
			if code, _, stderr := qsnap("snapshot", filepath.Join(dir, "tree")); code != 0 {
				t.Errorf("the next run: %s", stderr)
			}
			if code, stdout, stderr := qsnap("check", "--read-data"); code != 0 || !strings.Contains(stdout, "no damage found") {
				t.Error(stdout, stderr)
			}
		})
	}
}
