package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/s3"
)

func read(ctx context.Context, t target.Target, name string, off, n int64) ([]byte, error) {
	r, err := t.Get(ctx, name, off, n)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// race puts one name by several clients at once, and fails the test unless one wins,
// whole.
func race(t *testing.T, clients []*s3.Target, name string, racers, size int) {
	t.Helper()
	errs := make([]error, racers)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() {
			<-start
			errs[i] = put(t.Context(), clients[i%len(clients)], name, size, byte(i))
		})
	}
	close(start)
	wg.Wait()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Fatalf("%s: puts %d and %d both succeeded", name, winner, i)
		case err == nil:
			winner = i
		case !errors.Is(err, fs.ErrExist):
			t.Fatalf("%s: put %d: %v", name, i, err)
		}
	}
	if winner < 0 {
		t.Fatalf("%s: nobody won", name)
	}
	got, err := read(t.Context(), clients[0], name, 0, -1)
	if err != nil || !bytes.Equal(got, contentOf(name, size, byte(winner))) {
		t.Fatalf("%s: %d bytes other than the winner's, %v", name, len(got), err)
	}
}

func TestOfManyRacersOneWins(t *testing.T) {
	g := newGateway(t)
	clients := []*s3.Target{g.open(), g.open(), g.open(), g.open()}
	for _, c := range clients {
		if yes, err := c.CreateOnly(t.Context()); !yes || err != nil {
			t.Fatalf("create-only: %v, %v", yes, err)
		}
	}
	for round := range 25 {
		race(t, clients, fmt.Sprintf("race/%d", round), 16, 20_000)
	}
}

// inParts makes everything above 20 MiB go in parts.
const inParts = 5 << 20

func TestOfManyRacersWithPartsOneWins(t *testing.T) {
	g := newGateway(t)
	g.options.PartSize = inParts
	race(t, []*s3.Target{g.open(), g.open()}, "race/parts", 4, 4*inParts+1)
	g.noUploads()
}

// noUploads fails the test if an upload was neither completed nor aborted.
func (g *gateway) noUploads() {
	g.t.Helper()
	for u := range g.admin().ListIncompleteUploads(g.t.Context(), g.options.Bucket, "", true) {
		g.t.Errorf("an upload of %s is left: %v", u.Key, u.Err)
	}
}

func TestALargeObjectGoesInPartsAndComesBackWhole(t *testing.T) {
	for _, checksum := range []string{"", "md5", "crc32c"} {
		g := newGateway(t)
		g.options.PartSize, g.options.Checksum = inParts, checksum
		target := g.open()
		const size = 5*inParts + 12345
		if err := put(t.Context(), target, "packs/large", size, 1); err != nil {
			t.Fatalf("checksum %q: %v", checksum, err)
		}
		whole := contentOf("packs/large", size, 1)
		for _, r := range [][2]int64{{0, -1}, {inParts - 7, 14}, {size - 1, 1}, {3 * inParts, -1}} {
			want := whole[r[0]:]
			if r[1] >= 0 {
				want = want[:r[1]]
			}
			if got, err := read(t.Context(), target, "packs/large", r[0], r[1]); err != nil || !bytes.Equal(got, want) {
				t.Errorf("checksum %q: %d bytes at %d: %d bytes, %v", checksum, r[1], r[0], len(got), err)
			}
		}
		o, err := g.admin().StatObject(t.Context(), bucket, "packs/large", statOptions)
		if err != nil || len(o.ETag) < 33 {
			t.Errorf("checksum %q: ETag %q is not one of parts, %v", checksum, o.ETag, err)
		}
		if err := put(t.Context(), target, "packs/large", size, 2); !errors.Is(err, fs.ErrExist) {
			t.Errorf("checksum %q: a second put: %v", checksum, err)
		}
		g.noUploads()
	}
}

// A body that breaks leaves nothing, wherever it does.
func TestAFailedUploadLeavesNothing(t *testing.T) {
	g := newGateway(t)
	g.options.PartSize = inParts
	target := g.open()
	for _, after := range []int64{0, inParts, 4*inParts + 5} {
		err := target.Put(t.Context(), "packs/broken", brokenBody{after}, 5*inParts)
		if !errors.Is(err, errBody) {
			t.Errorf("broken after %d: %v", after, err)
		}
		if _, err := target.Stat(t.Context(), "packs/broken"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("broken after %d: %v", after, err)
		}
	}
	g.noUploads()
}

func TestACancelledUploadEndsAtOnceAndIsCleanedUp(t *testing.T) {
	g := newGateway(t)
	g.options.PartSize = inParts
	target, tap := tapped(t, g.options)
	if err := put(t.Context(), target, "first", 4*inParts+1, 1); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	tap.on(0, func(q *http.Request, send sender) (*http.Response, error) {
		if q.URL.Query().Get("partNumber") == "3" {
			cancel()
		}
		return send()
	})
	began := time.Now()
	if err := put(ctx, target, "cancelled", 20*inParts, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v", err)
	}
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("it took %v", d)
	}
	tap.on(0, nil)
	if _, err := target.Stat(t.Context(), "cancelled"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat: %v", err)
	}
	if err := put(t.Context(), target, "second", 4*inParts+1, 1); err != nil {
		t.Fatal(err)
	}
	g.noUploads()
}

type brokenBody struct{ after int64 }

var errBody = errors.New("the body broke on purpose")

func (b brokenBody) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) <= b.after {
		return len(p), nil
	}
	return 0, errBody
}
