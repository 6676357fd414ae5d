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
	t.Parallel()
	for name, fs := range map[string]dav.FileSystem{"memory": dav.NewMemFS(), "directory": dav.Dir(t.TempDir())} {
		s := newServer(t, davHandler(fs))
		tgt := open(t, Options{URL: s.URL + "/dav", Timeout: 10 * time.Second})
		if err := targettest.Check(t.Context(), tgt); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A server without "Expect: 100-continue", one without ranges, pages or lengths, one
// behind a proxy that gives it another path: all keep the contract.
func TestPlainerServersKeepTheContract(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*store){
		"no ranges": func(s *store) { s.ranges = false },
		"pages":     func(s *store) { s.page = 3 },
		"a proxy": func(s *store) {
			s.href = func(p string) string { return "/inner/place" + strings.TrimPrefix(p, "/dav") }
		},
		"no lengths": func(s *store) {
			s.answer(answering(http.MethodGet, func(w http.ResponseWriter, r *http.Request) {
				b, ok := s.object(strings.TrimPrefix(r.URL.Path, "/dav/"))
				if !ok {
					w.WriteHeader(http.StatusNotFound)
					return
				}
				w.(http.Flusher).Flush()
				_, _ = w.Write(b)
			}))
		},
		"no Expect": func(s *store) {
			s.answer(func(w http.ResponseWriter, r *http.Request) bool {
				if r.Header.Get("Expect") != "" {
					w.WriteHeader(http.StatusExpectationFailed)
					return true
				}
				return false
			})
		},
		"paths as destinations only": func(s *store) {
			s.answer(func(w http.ResponseWriter, r *http.Request) bool {
				if d := r.Header.Get("Destination"); strings.HasPrefix(d, "/") {
					r.Header.Set("Destination", "http://"+r.Host+d)
				} else if d != "" {
					w.WriteHeader(http.StatusBadGateway)
					return true
				}
				return false
			})
		},
	} {
		s := newStore()
		change(s)
		if err := targettest.Check(t.Context(), openStore(t, s, Options{})); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
