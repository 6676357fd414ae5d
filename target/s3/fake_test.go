package s3_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/s3"
	"github.com/qsnap/qsnap/target/s3/s3test"
	"github.com/qsnap/qsnap/target/targettest"
)

const bucket = "backup"

var someone = s3.Credentials{AccessKeyID: s3test.AccessKey, SecretAccessKey: s3test.SecretKey}

// A fake is a store in this process. It honours If-None-Match for single requests,
// and ignores it when it puts parts together.
type fake struct {
	*s3mem.Backend
	handler http.Handler
	options s3.Options
}

func newFake(t testing.TB, options ...gofakes3.Option) *fake {
	t.Helper()
	f := &fake{Backend: s3mem.New()}
	if err := f.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	quiet := gofakes3.WithLogger(gofakes3.StdLog(log.New(io.Discard, "", 0)))
	f.handler = gofakes3.New(f.Backend, append(options, quiet)...).Server()
	f.serve(t, f.handler)
	return f
}

// serve makes the options those of a target behind another handler.
func (f *fake) serve(t testing.TB, h http.Handler) {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	f.options = s3.Options{Bucket: bucket, Prefix: "some/prefix", Endpoint: strings.TrimPrefix(server.URL, "http://"), Insecure: true, Region: "us-east-1", Credentials: someone}
}

func open(t testing.TB, o s3.Options) *s3.Target {
	t.Helper()
	target, err := s3.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func TestABucketKeepsTheContract(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"", "a", "some/deep-er/Prefix_1"} {
		f := newFake(t)
		f.options.Prefix = prefix
		if err := targettest.Check(t.Context(), open(t, f.options)); err != nil {
			t.Errorf("prefix %q: %v", prefix, err)
		}
	}
}

func TestTheContractHoldsInABucketThatKeepsVersions(t *testing.T) {
	t.Parallel()
	for _, deleteVersions := range []bool{false, true} {
		f := newFake(t)
		if err := f.SetVersioningConfiguration(bucket, gofakes3.VersioningConfiguration{Status: gofakes3.VersioningEnabled}); err != nil {
			t.Fatal(err)
		}
		f.options.DeleteVersions = deleteVersions
		if err := targettest.Check(t.Context(), open(t, f.options)); err != nil {
			t.Errorf("deleting versions: %v: %v", deleteVersions, err)
		}
	}
}

func TestABucketCanBeNamedByTheHost(t *testing.T) {
	f := newFake(t, gofakes3.WithHostBucket(true))
	address := f.options.Endpoint
	var mu sync.Mutex
	var hosts []string
	f.options.Endpoint, f.options.Style = "store.example", s3.Virtual
	f.options.Transport = &http.Transport{DialContext: func(ctx context.Context, network, host string) (net.Conn, error) {
		mu.Lock()
		hosts = append(hosts, host)
		mu.Unlock()
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	if err := targettest.Check(t.Context(), open(t, f.options)); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if hosts[0] != bucket+".store.example:80" {
		t.Errorf("dialled %s", hosts[0])
	}
}

func TestAStoreThatKnowsNothingOfLocksHasNone(t *testing.T) {
	f := newFake(t)
	store := open(t, f.options)
	if err := put(t.Context(), store, "packs/aa/1", 10, 1); err != nil {
		t.Fatal(err)
	}
	if until, err := store.Locked(t.Context(), "packs/aa/1"); err != nil || !until.IsZero() {
		t.Errorf("locked until %v, %v", until, err)
	}
	none := func(i target.Info) error { return errors.New(i.Name) }
	if err := store.Hidden(t.Context(), "", none); err != nil {
		t.Errorf("hidden: %v", err)
	}
	f.options.ObjectLock = time.Hour
	if _, err := s3.Open(t.Context(), f.options); err == nil || !strings.Contains(err.Error(), "has no object lock") {
		t.Errorf("open for locking: %v", err)
	}
}

// Keys that only read and write objects are common, and may not ask for the bucket's
// configuration.
func TestWhoMayNotAskForLocksHasNone(t *testing.T) {
	f := newFake(t)
	f.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("object-lock") {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
			return
		}
		f.handler.ServeHTTP(w, r)
	}))
	store := open(t, f.options)
	if err := put(t.Context(), store, "packs/aa/1", 10, 1); err != nil {
		t.Fatal(err)
	}
	if until, err := store.Locked(t.Context(), "packs/aa/1"); err != nil || !until.IsZero() {
		t.Errorf("locked until %v, %v", until, err)
	}
	f.options.ObjectLock = time.Hour
	if _, err := s3.Open(t.Context(), f.options); err == nil || !strings.Contains(err.Error(), "denied") {
		t.Errorf("open for locking: %v", err)
	}
}
