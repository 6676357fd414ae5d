package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7"
	miniocreds "github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/qsnap/qsnap/internal/test/treetest"
	"github.com/qsnap/qsnap/target/s3/s3test"
)

const bucketOfMany = "backup"

// A store in this process, and a real one where there is versitygw.
func TestEightWritersAndAPrunerShareABucket(t *testing.T) {
	t.Parallel()
	backend := s3mem.New()
	if err := backend.CreateBucket(bucketOfMany); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend, gofakes3.WithLogger(gofakes3.StdLog(log.New(io.Discard, "", 0)))).Server())
	defer server.Close()
	manyWriters(t, strings.TrimPrefix(server.URL, "http://"))
}

func TestEightWritersAndAPrunerShareABucketOfVersitygw(t *testing.T) {
	g := s3test.NewGateway(t, true)
	admin(t, g.Address, minio.MakeBucketOptions{})
	manyWriters(t, g.Address)
}

// admin makes a bucket and returns who may do everything with it.
func admin(t *testing.T, address string, o minio.MakeBucketOptions) *minio.Client {
	t.Helper()
	c, err := minio.New(address, &minio.Options{Creds: miniocreds.NewStaticV4(s3test.AccessKey, s3test.SecretKey, ""), Region: "us-east-1"})
	if err == nil {
		err = c.MakeBucket(t.Context(), bucketOfMany, o)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newBucketSession returns a session whose repository is in a bucket.
func newBucketSession(t *testing.T, address, parameters string) *session {
	s := newSession(t)
	s.env = append(s.env, "QSNAP_REPO="+fmt.Sprintf("s3://%s/shared?endpoint=%s&insecure=1&region=us-east-1%s", bucketOfMany, address, parameters),
		"AWS_ACCESS_KEY_ID="+s3test.AccessKey, "AWS_SECRET_ACCESS_KEY="+s3test.SecretKey)
	s.run("init", "--quiet")
	return s
}

// Eight processes, each with a cache of its own as if it were a host of its own, take
// snapshots in a loop while another forgets and prunes. Nothing fails, all that stands
// is whole, and it takes the space of a fresh repository.
func manyWriters(t *testing.T, address string) {
	s := newBucketSession(t, address, "")
	const writers = 8
	end := time.Now().Add(handsTime(t) / 2)
	var wg sync.WaitGroup
	var mu sync.Mutex
	runs := map[string]int{}
	loop := func(name string, step func(n int) []string) {
		wg.Go(func() {
			for n := 0; n < 2 || time.Now().Before(end); n++ {
				args := step(n)
				out, code := s.try(args...)
				mu.Lock()
				runs[name]++
				mu.Unlock()
				if code != 0 || out != "" {
					t.Errorf("qsnap %s: exit code %d\n%s", strings.Join(args, " "), code, out)
					return
				}
			}
		})
	}
	for w := range writers {
		dir := fmt.Sprintf("src%d", w)
		r := rand.New(rand.NewPCG(11, uint64(w)))
		for i := range 20 {
			s.write(fmt.Sprintf("%s/d%d/f%d", dir, i%4, i), handsData(r))
		}
		loop("snapshot", func(int) []string {
			s.write(fmt.Sprintf("%s/d%d/f%d", dir, r.IntN(4), r.IntN(20)), handsData(r))
			return []string{"snapshot", "--quiet", "--cache-dir", "cache-" + dir, "--host", "host-" + dir, dir}
		})
	}
	forget := []string{"forget", "--quiet", "--cache-dir", "cache-prune", "--keep-last", "2", "--prune"}
	loop("prune", func(int) []string { return forget })
	wg.Wait()
	t.Logf("%v", runs)
	s.run(forget...)
	s.run(append(forget, "--max-unused", "0")...)
	if out := s.run("check", "--read-data", "--cache-dir", "cache-check"); !strings.Contains(out, "no damage found") || strings.Contains(out, "note:") {
		t.Errorf("check: %s", out)
	}
	compareBucket(t, s, writers)
}

// compareBucket restores every snapshot, and compares what all take with a fresh
// repository that has the same.
func compareBucket(t *testing.T, s *session, writers int) {
	t.Helper()
	var list []struct {
		ID, Hostname string
		Paths        []string
	}
	if err := json.Unmarshal([]byte(s.run("snapshots", "--json")), &list); err != nil || len(list) != 2*writers {
		t.Fatalf("%d snapshots, %v", len(list), err)
	}
	s.run("init", "--quiet", "--repo", "fresh")
	for _, m := range list {
		s.run("restore", "--quiet", m.ID, "--target", m.Paths[0], "--delete", "--yes")
		s.run("snapshot", "--quiet", "--repo", "fresh", "--host", m.Hostname, m.Paths[0])
	}
	used, fresh := packBytes(t, s), packBytes(t, s, "--repo", "fresh")
	t.Logf("packs take %.0f bytes, in a fresh repository %.0f: %.3f", used, fresh, used/fresh)
	if used > 1.06*fresh {
		t.Errorf("packs take %.0f bytes, in a fresh repository %.0f", used, fresh)
	}
}

func packBytes(t *testing.T, s *session, more ...string) float64 {
	t.Helper()
	var stats struct {
		PackBytes float64 `json:"pack_bytes"`
	}
	if err := json.Unmarshal([]byte(s.run(append(more, "stats", "--json")...)), &stats); err != nil || stats.PackBytes == 0 {
		t.Fatal(stats, err)
	}
	return stats.PackBytes
}

// What is locked isn't forgotten, and the user is told until when. Whoever may delete
// can hide it, which comes to light, and can't remove it.
func TestALockedBucketSaysUntilWhen(t *testing.T) {
	g := s3test.NewGateway(t, true)
	store := admin(t, g.Address, minio.MakeBucketOptions{ObjectLocking: true})
	s := newBucketSession(t, g.Address, "&delete-versions=1&lock-mode=compliance")
	s.env = append(s.env, "QSNAP_OBJECT_LOCK=30d")
	for v := range 3 {
		s.write("src/f", treetest.Bytes(uint64(v), 300_000))
		s.run("snapshot", "--quiet", "src")
	}
	out := s.run("forget", "--keep-last", "1", "--prune")
	if !strings.Contains(out, "forgot 0 snapshots, kept 3\n  2 of these are kept only because the store has locked them") {
		t.Errorf("%s", out)
	}
	if out := s.run("forget", "--keep-last", "1", "--dry-run"); strings.Count(out, "it is locked until 20") != 2 {
		t.Errorf("%s", out)
	}
	if out, code := s.try("forget", "latest"); code != 1 || strings.Count(out, "\n") != 1 || !strings.Contains(out, "locked until 20") {
		t.Errorf("%d: %s", code, out)
	}
	kinds := map[string]int{}
	for o := range store.ListObjects(t.Context(), bucketOfMany, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		kind, _, _ := strings.Cut(strings.TrimPrefix(o.Key, "shared/"), "/")
		err := store.RemoveObject(t.Context(), bucketOfMany, o.Key, minio.RemoveObjectOptions{VersionID: o.VersionID})
		if err != nil {
			kinds[kind]++
		}
	}
	if kinds["packs"] < 6 || kinds["snapshots"] != 3 || kinds["keys"] != 1 || kinds["config"] != 1 || kinds["index"] > 0 {
		t.Errorf("it lets go of all but %v", kinds)
	}
	s.run("restore", "--quiet", "latest", "--target", "back", "--cache-dir", "elsewhere")
	s.run("snapshot", "--quiet", "src")

	for o := range store.ListObjects(t.Context(), bucketOfMany, minio.ListObjectsOptions{Prefix: "shared/packs/", Recursive: true}) {
		if err := store.RemoveObject(t.Context(), bucketOfMany, o.Key, minio.RemoveObjectOptions{}); err != nil {
			t.Error(err)
		}
	}
	if out, code := s.try("check"); code != exitDamage || !strings.Contains(out, "though it is locked") || !strings.Contains(out, "qsnap target unhide") {
		t.Errorf("%d: %s", code, out)
	}
	if err := store.RemoveObject(t.Context(), bucketOfMany, "shared/config", minio.RemoveObjectOptions{}); err != nil {
		t.Error(err)
	}
	if out := s.run("target", "unhide"); !strings.Contains(out, "config\n") || !strings.Contains(out, "brought back 7 objects") {
		t.Errorf("%s", out)
	}
	if out := s.run("check", "--read-data"); !strings.Contains(out, "no damage found") {
		t.Errorf("%s", out)
	}
}
