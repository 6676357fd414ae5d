// Package s3test runs a real S3 server for tests.
package s3test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// The credentials of the server's only user.
const (
	AccessKey = "someone"
	SecretKey = "very-secret-key"
)

// A Gateway is a versitygw of its own, which keeps buckets in a directory.
type Gateway struct {
	Dir     string
	Address string // host:port
	Sidecar bool   // metadata are in files of their own, else in extended attributes

	t      testing.TB
	binary string
	cmd    *exec.Cmd
	out    *bytes.Buffer
}

// NewGateway starts one, or skips the test where there is no versitygw, unless
// QSNAP_TEST_SERVERS says that it is required. It ends with the test.
func NewGateway(t testing.TB, sidecar bool, flags ...string) *Gateway {
	t.Helper()
	binary := os.Getenv("QSNAP_VERSITYGW")
	if binary == "" {
		var err error
		if binary, err = exec.LookPath("versitygw"); err != nil {
			if os.Getenv("QSNAP_TEST_SERVERS") == "required" {
				t.Fatal("no versitygw on PATH or in QSNAP_VERSITYGW, and QSNAP_TEST_SERVERS requires it")
			}
			t.Skip("no versitygw on PATH or in QSNAP_VERSITYGW: go install github.com/versity/versitygw/cmd/versitygw@v1.8.0")
		}
	}
	g := &Gateway{t: t, Dir: t.TempDir(), binary: binary, Sidecar: sidecar, Address: freeAddress(t)}
	for _, dir := range []string{"data", "sidecar", "versions"} {
		if err := os.Mkdir(filepath.Join(g.Dir, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	g.Start(flags...)
	t.Cleanup(g.Kill)
	return g
}

func freeAddress(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Start runs the server until Kill, and returns when it answers.
func (g *Gateway) Start(flags ...string) {
	g.t.Helper()
	in := func(name string) string { return filepath.Join(g.Dir, name) }
	args := append([]string{"--quiet", "--port", g.Address, "--health", "/health"}, flags...)
	args = append(args, "posix", "--versioning-dir", in("versions"))
	if g.Sidecar {
		args = append(args, "--sidecar", in("sidecar"))
	}
	args = append(args, in("data"))
	g.cmd = exec.Command(g.binary, args...)
	g.cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+AccessKey, "ROOT_SECRET_KEY="+SecretKey)
	g.out = new(bytes.Buffer)
	g.cmd.Stdout, g.cmd.Stderr = g.out, g.out
	if err := g.cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if r, err := http.Get("http://" + g.Address + "/health"); err == nil {
			r.Body.Close()
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			g.Kill()
			g.t.Fatalf("versitygw doesn't answer: %s", g.out)
		}
	}
}

// Running reports whether it was started and not killed since.
func (g *Gateway) Running() bool { return g.cmd != nil }

// Kill ends the server as a power failure would.
func (g *Gateway) Kill() {
	if g.cmd == nil {
		return
	}
	g.cmd.Process.Kill()
	g.cmd.Wait()
	g.cmd = nil
}
