package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/s3"
)

const passphrase = "correct horse"

// tree has files that all writers have, and some of its own.
func tree(seed uint64) fstest.MapFS {
	files := fstest.MapFS{}
	add := func(name string, seed uint64, size int) {
		b := make([]byte, size)
		r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), 7})
		r.Read(b)
		files[name] = &fstest.MapFile{Data: b, Mode: 0o644, ModTime: time.Unix(1_700_000_000+int64(seed), 0)}
	}
	for i := range uint64(6) {
		add(fmt.Sprintf("shared/%d", i), i, 200_000)
		add(fmt.Sprintf("own/%d", i), 1000+100*seed+i, 30_000)
	}
	return files
}

func initRepo(t *testing.T, tgt target.Target) *repo.Repo {
	t.Helper()
	r, err := repo.Init(t.Context(), tgt, repo.Passphrase(passphrase), repo.InitOptions{Options: repo.Options{CacheDir: t.TempDir()}, PackSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// holds fails the test unless a snapshot has just those files.
func holds(t *testing.T, r *repo.Repo, m *snapshot.Manifest, want fstest.MapFS) {
	t.Helper()
	got := 0
	err := fs.WalkDir(r.View(m).FS(t.Context()), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		got++
		b, err := fs.ReadFile(r.View(m).FS(t.Context()), p)
		if err == nil && (want[p] == nil || !bytes.Equal(b, want[p].Data)) {
			err = fmt.Errorf("%s: other bytes", p)
		}
		return err
	})
	if err != nil || got != len(want) {
		t.Errorf("snapshot %s: %d files, %v; want %d", m.ID.Short(), got, err, len(want))
	}
}

func undamaged(t *testing.T, r *repo.Repo) {
	t.Helper()
	report, err := r.Check(t.Context(), repo.CheckOptions{ReadData: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		if f.IsDamage() {
			t.Errorf("check: %+v", f)
		}
	}
}

func TestARepositoryInARealStoreGoesRound(t *testing.T) {
	g := newGateway(t)
	g.options.Prefix = "hosts/web1"
	r := initRepo(t, g.open())
	m, err := r.Snapshot(t.Context(), repo.FromFS(tree(1), "/srv"), repo.SnapshotOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// Another machine, which has no index yet.
	other, err := repo.Open(t.Context(), g.open(), repo.Passphrase(passphrase), repo.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	undamaged(t, other)
	again, err := other.Find(t.Context(), m.ID.Short())
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "restored")
	if _, err := other.Restore(t.Context(), again, repo.RestoreOptions{To: to, NoSync: true}); err != nil {
		t.Fatal(err)
	}
	for name, file := range tree(1) {
		if b, err := os.ReadFile(filepath.Join(to, name)); err != nil || !bytes.Equal(b, file.Data) {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
}

const (
	writers         = 8
	writerSnapshots = 3
)

// TestMain is also one of the processes that write at once.
func TestMain(m *testing.M) {
	if n := os.Getenv("S3_TEST_WRITER"); n != "" {
		if err := write(n); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func write(number string) error {
	ctx := context.Background()
	n, err := strconv.ParseUint(number, 10, 8)
	if err != nil {
		return err
	}
	o, err := s3.ParseURL(os.Getenv("S3_TEST_URL"))
	if err != nil {
		return err
	}
	bucket, err := s3.Open(ctx, o)
	if err != nil {
		return err
	}
	// As the command does: the store asks for another try where it has removed a directory
	// into which another writer was about to put.
	t := target.NewRetry(bucket, target.RetryOptions{MaxElapsed: time.Minute})
	r, err := repo.Open(ctx, t, repo.Passphrase(passphrase), repo.Options{CacheDir: os.Getenv("S3_TEST_CACHE")})
	if err != nil {
		return err
	}
	defer r.Close()
	for i := range uint64(writerSnapshots) {
		if _, err := r.Snapshot(ctx, repo.FromFS(tree(10*n+i), "/srv"), repo.SnapshotOptions{Hostname: "writer-" + number, Workers: 1}); err != nil {
			return err
		}
	}
	return nil
}

func TestManyProcessesWriteToOneBucketAtOnce(t *testing.T) {
	g := newGateway(t)
	r := initRepo(t, g.open())
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "S3_TEST_WRITER="+strconv.Itoa(i), "S3_TEST_CACHE="+t.TempDir(),
			"S3_TEST_URL=s3://"+bucket+"/?insecure=1&region=us-east-1&endpoint="+g.Address,
			"AWS_ACCESS_KEY_ID="+someone.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+someone.SecretAccessKey)
		wg.Go(func() {
			if out, err := cmd.CombinedOutput(); err != nil {
				errs[i] = fmt.Errorf("writer %d: %w: %s", i, err, out)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	all, err := r.Snapshots(t.Context(), repo.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != writers*writerSnapshots {
		t.Errorf("%d snapshots, want %d", len(all), writers*writerSnapshots)
	}
	count := map[string]uint64{}
	for _, m := range all { // from the oldest on
		var n uint64
		if _, err := fmt.Sscanf(m.Hostname, "writer-%d", &n); err != nil {
			t.Fatal(err)
		}
		holds(t, r, m, tree(10*n+count[m.Hostname]))
		count[m.Hostname]++
	}
	undamaged(t, r)
}

// The store dies at every request in turn: before it comes, in the midst of it, or
// before it is answered.
func TestASnapshotOutlivesTheDeathOfTheStore(t *testing.T) {
	g := newGateway(t)
	var tap tap
	g.options.Transport = &tap
	deaths := 0
	for mode, n := 0, 1; mode < 3; n++ {
		// A repository of its own: what a run leaves that failed makes the next ones
		// send more requests.
		g.options.Prefix = fmt.Sprintf("%d-%d", mode, n)
		r := initRepo(t, g.open())
		first, err := r.Snapshot(t.Context(), repo.FromFS(tree(1), "/srv"), repo.SnapshotOptions{})
		if err != nil {
			t.Fatal(err)
		}
		files := tree(uint64(100*mode + n + 20))
		died := false
		tap.on(n, func(q *http.Request, send sender) (*http.Response, error) {
			died = true
			deaths++
			switch {
			case mode == 0:
				g.Kill()
				return send()
			case mode == 1 && q.Body != nil:
				q.Body = &killingBody{ReadCloser: q.Body, kill: g.Kill}
				return send()
			}
			if r, err := send(); err == nil {
				r.Body.Close()
			}
			g.Kill()
			return nil, errors.New("the connection broke on purpose")
		})
		_, err = r.Snapshot(t.Context(), repo.FromFS(files, "/srv"), repo.SnapshotOptions{})
		tap.on(0, nil)
		if !g.Running() {
			g.Start()
		}
		var e *s3.Error
		if err != nil && (!errors.As(err, &e) || !e.Temporary()) {
			t.Errorf("mode %d, death at request %d: %v is not worth another try", mode, n, err)
		}
		again, err := r.Snapshot(t.Context(), repo.FromFS(files, "/srv"), repo.SnapshotOptions{})
		if err != nil {
			t.Fatalf("mode %d, death at request %d: the next try: %v", mode, n, err)
		}
		holds(t, r, again, files)
		holds(t, r, first, tree(1))
		undamaged(t, r)
		if !died {
			mode, n = mode+1, 0
		}
	}
	if deaths < 12 {
		t.Errorf("it died %d times only", deaths)
	}
}

// A killingBody kills the server when a part of it was sent.
type killingBody struct {
	io.ReadCloser
	kill func()
	sent int
}

func (b *killingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.sent += n; b.sent > 1000 && b.kill != nil {
		b.kill()
		b.kill = nil
	}
	return n, err
}
