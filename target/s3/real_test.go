package s3_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/qsnap/qsnap/target/s3"
)

// A gateway is a versitygw of its own, which keeps buckets in a directory.
type gateway struct {
	t       *testing.T
	dir     string
	address string
	binary  string
	cmd     *exec.Cmd
	out     *bytes.Buffer
	sidecar bool       // else metadata are in extended attributes
	options s3.Options // of a bucket that is there
}

// newGateway starts one, or skips the test where there is no versitygw, unless
// QSNAP_TEST_SERVERS says that it is required.
func newGateway(t *testing.T) *gateway {
	t.Helper()
	return startGateway(t, true)
}

func startGateway(t *testing.T, sidecar bool, flags ...string) *gateway {
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
	g := &gateway{t: t, dir: t.TempDir(), binary: binary, sidecar: sidecar, address: freeAddress(t)}
	for _, dir := range []string{"data", "sidecar", "versions"} {
		if err := os.Mkdir(filepath.Join(g.dir, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	g.options = s3.Options{Bucket: bucket, Endpoint: g.address, Insecure: true, Region: "us-east-1", Credentials: someone}
	g.start(flags...)
	t.Cleanup(g.kill)
	g.makeBucket(bucket, minio.MakeBucketOptions{})
	return g
}

func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start runs the server until kill, and returns when it answers.
func (g *gateway) start(flags ...string) {
	g.t.Helper()
	in := func(name string) string { return filepath.Join(g.dir, name) }
	args := append([]string{"--quiet", "--port", g.address, "--health", "/health"}, flags...)
	args = append(args, "posix", "--versioning-dir", in("versions"))
	if g.sidecar {
		args = append(args, "--sidecar", in("sidecar"))
	}
	args = append(args, in("data"))
	g.cmd = exec.Command(g.binary, args...)
	g.cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+someone.AccessKeyID, "ROOT_SECRET_KEY="+someone.SecretAccessKey)
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
		if r, err := http.Get("http://" + g.address + "/health"); err == nil {
			r.Body.Close()
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			g.kill()
			g.t.Fatalf("versitygw doesn't answer: %s", g.out)
		}
	}
}

// kill ends the server as a power failure would.
func (g *gateway) kill() {
	if g.cmd == nil {
		return
	}
	g.cmd.Process.Kill()
	g.cmd.Wait()
	g.cmd = nil
}

// admin is a client for what a target doesn't do.
func (g *gateway) admin() *minio.Client {
	c, err := minio.New(g.address, &minio.Options{Creds: credentials.NewStaticV4(someone.AccessKeyID, someone.SecretAccessKey, ""), Region: "us-east-1"})
	if err != nil {
		g.t.Fatal(err)
	}
	return c
}

func (g *gateway) makeBucket(name string, o minio.MakeBucketOptions) {
	g.t.Helper()
	if err := g.admin().MakeBucket(g.t.Context(), name, o); err != nil {
		g.t.Fatalf("make bucket: %v", err)
	}
}

func (g *gateway) open() *s3.Target {
	g.t.Helper()
	return open(g.t, g.options)
}

// put puts an object that is made of its name and a number.
func put(ctx context.Context, t *s3.Target, name string, size int, seed byte) error {
	return t.Put(ctx, name, bytes.NewReader(contentOf(name, size, seed)), int64(size))
}

func contentOf(name string, size int, seed byte) []byte {
	unit := fmt.Sprintf("%s %d %d|", name, seed, size)
	return []byte(strings.Repeat(unit, size/len(unit)+1)[:size])
}

var statOptions = minio.StatObjectOptions{Checksum: true}
