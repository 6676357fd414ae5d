package webdav

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	dav "golang.org/x/net/webdav"

	"github.com/qsnap/qsnap/target/targettest"
)

// davHandler serves a file system at /dav/.
func davHandler(fs dav.FileSystem) http.Handler {
	return &dav.Handler{Prefix: "/dav", FileSystem: fs, LockSystem: dav.NewMemLS()}
}

func newServer(t testing.TB, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// open opens a target and closes it with the test.
func open(t testing.TB, o Options) *Target {
	t.Helper()
	tgt, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tgt.Close() })
	return tgt
}

// mustPut puts an object of some text.
func mustPut(t testing.TB, tgt *Target, name, text string) {
	t.Helper()
	if err := tgt.Put(t.Context(), name, strings.NewReader(text), int64(len(text))); err != nil {
		t.Fatal(err)
	}
}

func TestServersOfTheGoProjectKeepTheContract(t *testing.T) {
	for name, fs := range map[string]dav.FileSystem{"memory": dav.NewMemFS(), "directory": dav.Dir(t.TempDir())} {
		s := newServer(t, davHandler(fs))
		tgt := open(t, Options{URL: s.URL + "/dav", Timeout: 10 * time.Second})
		if err := targettest.Check(t.Context(), tgt); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n, err := tgt.RemoveUploads(t.Context()); n != 0 || err != nil {
			t.Errorf("%s: %d uploads were left, %v", name, n, err)
		}
	}
}
