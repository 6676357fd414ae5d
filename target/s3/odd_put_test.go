package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qsnap/qsnap/target/s3"
)

var errLost = errors.New("the answer got lost on purpose")

// lose sends a request and keeps its answer.
func lose(_ *http.Request, send sender) (*http.Response, error) {
	if r, err := send(); err == nil {
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	return nil, errLost
}

// tapped returns a target whose requests can be tampered with, and which has looked
// at the store already.
func tapped(t *testing.T, o s3.Options) (*s3.Target, *tap) {
	t.Helper()
	tap := new(tap)
	o.Transport = tap
	target := open(t, o)
	if _, err := target.CreateOnly(t.Context()); err != nil {
		t.Fatal(err)
	}
	return target, tap
}

func TestAPutWhoseAnswerIsLostKnowsItsObject(t *testing.T) {
	target, tap := tapped(t, newFake(t).options)
	tap.on(1, lose)
	if err := put(t.Context(), target, "a", 1000, 1); err != nil {
		t.Errorf("its own object: %v", err)
	}
	tap.on(1, lose)
	if err := put(t.Context(), target, "a", 1000, 1); !errors.Is(err, fs.ErrExist) {
		t.Errorf("another's object, of the same bytes: %v", err)
	}
	tap.on(1, func(*http.Request, sender) (*http.Response, error) { return nil, errLost })
	err := put(t.Context(), target, "b", 1000, 1)
	var e *s3.Error
	if !errors.As(err, &e) || !e.Temporary() || !errors.Is(err, errLost) {
		t.Errorf("a request that got lost: %v", err)
	}
	if err := put(t.Context(), target, "b", 1000, 1); err != nil {
		t.Errorf("the next try: %v", err)
	}
}

func TestAnUploadWhoseAnswerIsLostKnowsItsObject(t *testing.T) {
	g := newGateway(t)
	g.options.PartSize = inParts
	target, tap := tapped(t, g.options)
	if err := put(t.Context(), target, "first", 4*inParts+1, 1); err != nil { // probes
		t.Fatal(err)
	}
	lost := 0
	loseSome := func(lost *int, which func(*http.Request) bool) {
		var mu sync.Mutex
		tap.on(0, func(q *http.Request, send sender) (*http.Response, error) {
			mu.Lock()
			mine := *lost == 0 && which(q)
			if mine {
				*lost++
			}
			mu.Unlock()
			if mine {
				return lose(q, send)
			}
			return send()
		})
	}
	for step, which := range map[string]func(*http.Request) bool{
		"complete": func(q *http.Request) bool { return q.Method == http.MethodPost && q.URL.Query().Has("uploadId") },
		"part": func(q *http.Request) bool {
			return q.Method == http.MethodPut && q.URL.Query().Get("partNumber") == "2"
		},
	} {
		lost = 0
		loseSome(&lost, which)
		if err := put(t.Context(), target, step, 4*inParts+1, 1); err != nil || lost != 1 {
			t.Errorf("%s: %v, %d lost", step, err, lost)
		}
	}
	tap.on(0, nil)
	g.noUploads()
}

// S3 may find out that it can't put the parts together when it has said 200.
func TestAnErrorAfterTheStatusIsAnError(t *testing.T) {
	g := newGateway(t)
	g.options.PartSize = inParts
	target, tap := tapped(t, g.options)
	if err := put(t.Context(), target, "first", 4*inParts+1, 1); err != nil {
		t.Fatal(err)
	}
	tap.on(0, func(q *http.Request, send sender) (*http.Response, error) {
		if q.Method == http.MethodPost && q.URL.Query().Has("uploadId") {
			w := httptest.NewRecorder()
			refuse(w, 200, "InternalError", "Please try again.")
			return w.Result(), nil
		}
		return send()
	})
	err := put(t.Context(), target, "a", 4*inParts+1, 1)
	var e *s3.Error
	if !errors.As(err, &e) || !e.Temporary() || e.Code != "InternalError" {
		t.Errorf("got %v", err)
	}
	tap.on(0, nil)
	if _, err := target.Stat(t.Context(), "a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat: %v", err)
	}
	g.noUploads()
}

// An upload that can't be aborted when it fails is aborted by the next one.
func TestAnUploadThatCouldNotBeAbortedIsLater(t *testing.T) {
	g := newGateway(t)
	g.options.PartSize = inParts
	target, tap := tapped(t, g.options)
	if err := put(t.Context(), target, "first", 4*inParts+1, 1); err != nil {
		t.Fatal(err)
	}
	tap.on(0, func(q *http.Request, send sender) (*http.Response, error) {
		if q.Method == http.MethodDelete {
			return nil, errLost
		}
		return send()
	})
	if err := target.Put(t.Context(), "broken", brokenBody{inParts}, 5*inParts); !errors.Is(err, errBody) {
		t.Fatal(err)
	}
	tap.on(0, nil)
	if err := put(t.Context(), target, "second", 4*inParts+1, 1); err != nil {
		t.Fatal(err)
	}
	g.noUploads()
}

func TestAConflictIsTriedAgain(t *testing.T) {
	f := newFake(t)
	conflicts := 0
	f.serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodPut && strings.HasSuffix(q.URL.Path, "/a") && conflicts < 2 {
			conflicts++
			refuse(w, http.StatusConflict, "ConditionalRequestConflict", "busy")
			return
		}
		f.handler.ServeHTTP(w, q)
	}))
	target := open(t, f.options)
	if err := put(t.Context(), target, "a", 10, 1); err != nil || conflicts != 2 {
		t.Errorf("after %d conflicts: %v", conflicts, err)
	}
	conflicts = 0
	if err := put(t.Context(), target, "a", 10, 2); !errors.Is(err, fs.ErrExist) || conflicts != 1 {
		t.Errorf("with another's object there, after %d conflicts: %v", conflicts, err)
	}
}

// careless are stores that don't keep objects from being replaced.
var careless = map[string]func(f *fake) http.HandlerFunc{
	"ignores the condition": func(f *fake) http.HandlerFunc {
		return func(w http.ResponseWriter, q *http.Request) {
			q.Header.Del("If-None-Match")
			f.handler.ServeHTTP(w, q)
		}
	},
	"refuses the condition": func(f *fake) http.HandlerFunc {
		return func(w http.ResponseWriter, q *http.Request) {
			if q.Header.Get("If-None-Match") != "" {
				refuse(w, http.StatusNotImplemented, "NotImplemented", "A header implies what isn't there")
				return
			}
			f.handler.ServeHTTP(w, q)
		}
	},
	"looks first and writes then": func(f *fake) http.HandlerFunc {
		return func(w http.ResponseWriter, q *http.Request) {
			if q.Header.Get("If-None-Match") != "" {
				_, err := f.HeadObject(bucket, strings.TrimPrefix(q.URL.Path, "/"+bucket+"/"))
				if err == nil {
					refuse(w, http.StatusPreconditionFailed, "PreconditionFailed", "it is there")
					return
				}
				<-time.After(30 * time.Millisecond) // as slow as disks are
				q.Header.Del("If-None-Match")
			}
			f.handler.ServeHTTP(w, q)
		}
	},
}

func TestAStoreThatReplacesObjectsIsFoundOut(t *testing.T) {
	for name, handler := range careless {
		f := newFake(t)
		f.serve(t, handler(f))
		for run := range 2 { // the second finds what the first left
			target := open(t, f.options)
			if yes, err := target.CreateOnly(t.Context()); yes || err != nil {
				t.Errorf("%s: run %d: %v, %v", name, run, yes, err)
			}
		}
		target := open(t, f.options)
		if err := put(t.Context(), target, "a", 1000, 1); err != nil {
			t.Errorf("%s: put: %v", name, err)
		}
		if err := put(t.Context(), target, "a", 1000, 2); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: a second put: %v", name, err)
		}
		if got, err := read(t.Context(), target, "a", 0, -1); err != nil || !bytes.Equal(got, contentOf("a", 1000, 1)) {
			t.Errorf("%s: read %d bytes, %v", name, len(got), err)
		}
		for info, err := range target.List(t.Context(), "") {
			if info.Name != "a" || err != nil {
				t.Errorf("%s: list yields %v, %v", name, info, err)
			}
		}
	}
}

// This store looks at the condition for single requests only.
func TestWhereOnlySinglePutsCreateLargeObjectsGoByOne(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.options.PartSize = inParts
	target, tap := tapped(t, f.options)
	var puts []string
	tap.on(0, func(q *http.Request, send sender) (*http.Response, error) {
		if q.Method == http.MethodPut && strings.HasSuffix(q.URL.Path, "/large") {
			puts = append(puts, q.URL.RawQuery)
		}
		return send()
	})
	if err := put(t.Context(), target, "large", 5*inParts, 1); err != nil {
		t.Fatal(err)
	}
	if len(puts) != 1 || puts[0] != "" {
		t.Errorf("put by %q", puts)
	}
	err := target.Put(t.Context(), "huge", brokenBody{}, 6<<30)
	if err == nil || !strings.Contains(err.Error(), "larger than the 5 GiB that this store creates without replacing") {
		t.Errorf("6 GiB: %v", err)
	}
	f.serve(t, careless["ignores the condition"](f))
	f.options.PartSize = inParts
	worse := open(t, f.options)
	if err := put(t.Context(), worse, "large-2", 5*inParts, 1); err != nil {
		t.Error(err)
	}
	if got, err := read(t.Context(), worse, "large-2", 0, -1); err != nil || !bytes.Equal(got, contentOf("large-2", 5*inParts, 1)) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
}

func TestALaterRunLooksAtTheStoreByOneRequest(t *testing.T) {
	f := newFake(t)
	tapped(t, f.options)
	requests := 0
	var tap tap
	f.options.Transport = &tap
	target := open(t, f.options)
	tap.on(0, func(_ *http.Request, send sender) (*http.Response, error) { requests++; return send() })
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if yes, err := target.CreateOnly(t.Context()); !yes || err != nil {
				t.Errorf("%v, %v", yes, err)
			}
		})
	}
	wg.Wait()
	if requests != 1 {
		t.Errorf("%d requests", requests)
	}
}

func TestAnAnswerWithoutSubstanceIsNoSuccess(t *testing.T) {
	target, tap := tapped(t, newFake(t).options)
	tap.on(1, func(q *http.Request, _ sender) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Status: "200 OK", Header: http.Header{}, Body: http.NoBody, Request: q}, nil
	})
	if err := put(t.Context(), target, "a", 10, 1); err == nil || !strings.Contains(err.Error(), "is this an S3 store?") {
		t.Errorf("got %v", err)
	}
}

// flipped damages what is sent.
type flipped struct{ io.ReadCloser }

func (f flipped) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	if n > 0 {
		p[n/2] ^= 1
	}
	return n, err
}

func TestDamageOnTheWayIsRefused(t *testing.T) {
	g := newGateway(t)
	for _, checksum := range []string{"", "md5", "crc32c"} {
		g.options.Checksum, g.options.PartSize = checksum, inParts
		target, tap := tapped(t, g.options)
		for _, size := range []int{10_000, 4*inParts + 1} {
			tap.on(0, func(q *http.Request, send sender) (*http.Response, error) {
				if q.Method == http.MethodPut && q.Body != nil && strings.HasSuffix(q.URL.Path, "/a") {
					q.Body = flipped{q.Body}
				}
				return send()
			})
			err := put(t.Context(), target, "a", size, 1)
			tap.on(0, nil)
			var e *s3.Error
			if !errors.As(err, &e) || !e.Temporary() {
				t.Errorf("checksum %q, %d bytes: %v", checksum, size, err)
			}
			if _, err := target.Stat(t.Context(), "a"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("checksum %q, %d bytes: %v", checksum, size, err)
			}
		}
	}
	g.noUploads()
}

// A watched body says whether it is read after its put has returned.
type watchedBody struct {
	mu    sync.Mutex
	ended bool
	late  bool
}

func (b *watchedBody) ReadAt(p []byte, _ int64) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.late = b.late || b.ended
	return len(p), nil
}

func TestNoBodyIsReadAfterItsPut(t *testing.T) {
	f := newFake(t)
	var later io.ReadCloser
	target, tap := tapped(t, f.options)
	ctx, cancel := context.WithCancel(t.Context())
	tap.on(1, func(q *http.Request, _ sender) (*http.Response, error) {
		later = q.Body
		cancel()
		return nil, q.Context().Err() // and goes on reading, as transports may
	})
	body := new(watchedBody)
	err := target.Put(ctx, "a", body, 1<<20)
	body.mu.Lock()
	body.ended = true
	body.mu.Unlock()
	if !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v", err)
	}
	if n, err := later.Read(make([]byte, 100)); n != 0 || err == nil || body.late {
		t.Errorf("read %d bytes, %v", n, err)
	}
}

// A bodyOfTwo tells reads that are sent from those that aren't.
type bodyOfTwo struct {
	io.ReaderAt
	sent *atomic.Int64
}

func (b bodyOfTwo) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.ReaderAt.ReadAt(p, off)
	b.sent.Add(int64(n))
	return n, err
}

func (b bodyOfTwo) Inspect() io.ReaderAt { return b.ReaderAt }

// Else a limit of the upload would be halved.
func TestWhatIsOnlyHashedIsNotCountedAsSent(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.options.PartSize = 5 << 20
	target := open(t, f.options)
	for _, size := range []int{1000, 21 << 20} {
		name := fmt.Sprint("a/", size)
		var sent atomic.Int64
		if err := target.Put(t.Context(), name, bodyOfTwo{bytes.NewReader(contentOf(name, size, 1)), &sent}, int64(size)); err != nil {
			t.Fatal(err)
		}
		if got := sent.Load(); got != int64(size) {
			t.Errorf("of %d bytes %d were sent", size, got)
		}
	}
}

// A store is not taken for one that replaces objects because each request reaches it
// twice.
func TestRequestsThatAreRepeatedOnTheWayDontHideThatAStoreCreatesOnly(t *testing.T) {
	var mu sync.Mutex
	races, repeats := 0, 2 // of the races
	tap := new(tap)
	tap.on(0, func(q *http.Request, send sender) (*http.Response, error) {
		if q.Method == http.MethodPut && strings.Contains(q.URL.Path, ".probe-") {
			mu.Lock()
			race := races / 4
			races++
			mu.Unlock()
			if race < repeats {
				again := q.Clone(q.Context())
				body, err := io.ReadAll(q.Body)
				if err != nil {
					return nil, err
				}
				q.Body, again.Body = io.NopCloser(bytes.NewReader(body)), io.NopCloser(bytes.NewReader(body))
				if r, err := send(); err == nil {
					r.Body.Close()
				}
				return http.DefaultTransport.RoundTrip(again)
			}
		}
		return send()
	})
	o := newFake(t).options
	o.Transport = tap
	target := open(t, o)
	if yes, err := target.CreateOnly(t.Context()); !yes || err != nil {
		t.Errorf("after two races that nobody won: %v, %v", yes, err)
	}
	races, repeats = 0, 100
	target = open(t, func() s3.Options { o := newFake(t).options; o.Transport = tap; return o }())
	yes, err := target.CreateOnly(t.Context())
	var e *s3.Error
	if yes || !errors.As(err, &e) || !e.Temporary() {
		t.Errorf("nobody ever wins: %v, %v", yes, err)
	}
}
