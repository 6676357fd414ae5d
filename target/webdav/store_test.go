package webdav

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A store is a WebDAV server in memory that does nothing wrong until it is told to.
// Unlike others it has no locks: a MOVE looks first and renames then.
type store struct {
	mu    sync.Mutex
	files map[string][]byte // by path
	dirs  map[string]bool
	log   []string // "METHOD path" of each request

	// instead, if set, is asked first, and returns whether it has answered. It may call
	// serve for what would have been done.
	instead func(w http.ResponseWriter, r *http.Request) bool
	gap     func()              // in a MOVE, between looking and renaming
	href    func(string) string // what paths are called in listings
	page    int                 // entries on a page of a listing; 0 is all
	ranges  bool
}

func newStore() *store {
	return &store{files: map[string][]byte{}, dirs: map[string]bool{"/": true, "/dav": true}, ranges: true}
}

// openStore returns a target on a store.
func openStore(t testing.TB, s *store, o Options) *Target {
	t.Helper()
	server := newServer(t, s)
	o.URL = server.URL + "/dav"
	o.Timeout = cmp.Or(o.Timeout, 5*time.Second)
	return open(t, o)
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.log = append(s.log, r.Method+" "+r.URL.Path)
	instead := s.instead
	s.mu.Unlock()
	if instead == nil || !instead(w, r) {
		s.serve(w, r)
	}
}

// answer has requests asked of a function first; nil is none.
func (s *store) answer(instead func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.instead = instead
}

// count returns how many requests of a method came, and forgets none.
func (s *store) count(method string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.log {
		if strings.HasPrefix(line, method+" ") {
			n++
		}
	}
	return n
}

// object returns the bytes that an object has.
func (s *store) object(name string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.files["/dav/"+name]
	return b, ok
}

// uploads returns the names of the files below _uploads.
func (s *store) uploads() (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.files {
		if rest, ok := strings.CutPrefix(name, "/dav/_uploads/"); ok {
			names = append(names, rest)
		}
	}
	return names
}

func (s *store) serve(w http.ResponseWriter, r *http.Request) {
	p := path.Clean(r.URL.Path)
	switch r.Method {
	case http.MethodPut:
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		s.change(w, func() int { return s.put(p, b) })
	case http.MethodDelete:
		s.change(w, func() int { return s.delete(p) })
	case "MKCOL":
		s.change(w, func() int { return s.mkcol(p) })
	case "MOVE":
		s.move(w, r, p)
	case "PROPFIND":
		s.propfind(w, r, p)
	default:
		s.get(w, r, p)
	}
}

func (s *store) change(w http.ResponseWriter, do func() int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.WriteHeader(do())
}

func (s *store) put(p string, b []byte) int {
	if !s.dirs[path.Dir(p)] {
		return http.StatusConflict
	}
	s.files[p] = b
	return http.StatusCreated
}

func (s *store) delete(p string) int {
	if s.dirs[p] {
		for name := range s.files {
			if strings.HasPrefix(name, p+"/") {
				delete(s.files, name)
			}
		}
		for name := range s.dirs {
			if strings.HasPrefix(name, p+"/") {
				delete(s.dirs, name)
			}
		}
		delete(s.dirs, p)
		return http.StatusNoContent
	}
	if _, ok := s.files[p]; !ok {
		return http.StatusNotFound
	}
	delete(s.files, p)
	return http.StatusNoContent
}

func (s *store) mkcol(p string) int {
	if s.dirs[p] || s.files[p] != nil {
		return http.StatusMethodNotAllowed
	}
	if !s.dirs[path.Dir(p)] {
		return http.StatusConflict
	}
	s.dirs[p] = true
	return http.StatusCreated
}

func (s *store) move(w http.ResponseWriter, r *http.Request, from string) {
	u, err := url.Parse(r.Header.Get("Destination"))
	if err != nil || u.Host != r.Host {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	s.mu.Lock()
	_, there := s.files[from]
	_, taken := s.files[u.Path]
	parent := s.dirs[path.Dir(u.Path)]
	s.mu.Unlock()
	switch {
	case !there:
		w.WriteHeader(http.StatusNotFound)
		return
	case taken && r.Header.Get("Overwrite") == "F":
		w.WriteHeader(http.StatusPreconditionFailed)
		return
	case !parent:
		w.WriteHeader(http.StatusConflict)
		return
	}
	if s.gap != nil {
		s.gap()
	}
	s.change(w, func() int {
		b, ok := s.files[from]
		if !ok {
			return http.StatusInternalServerError
		}
		s.files[u.Path] = b
		delete(s.files, from)
		return http.StatusCreated
	})
}

func (s *store) propfind(w http.ResponseWriter, r *http.Request, p string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, isFile := s.files[p]
	if !isFile && !s.dirs[p] {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	found := []string{p}
	if r.Header.Get("Depth") != "0" {
		for name := range s.files {
			if path.Dir(name) == p {
				found = append(found, name)
			}
		}
		for name := range s.dirs {
			if path.Dir(name) == p && name != p {
				found = append(found, name)
			}
		}
		slices.Sort(found) // the collection itself remains the first
	}
	if after := r.URL.Query().Get("after"); s.page > 0 {
		if after != "" {
			found = slices.DeleteFunc(found, func(name string) bool { return name <= after })
		}
		if len(found) > s.page {
			found = found[:s.page]
			w.Header().Set("Link", fmt.Sprintf(`<%s?after=%s>; rel="next"`, r.URL.Path, url.QueryEscape(found[s.page-1])))
		}
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(http.StatusMultiStatus)
	fmt.Fprint(w, `<?xml version="1.0"?><d:multistatus xmlns:d="DAV:">`)
	for _, name := range found {
		props := "<d:resourcetype><d:collection/></d:resourcetype>"
		if b, ok := s.files[name]; ok {
			props = fmt.Sprintf("<d:resourcetype/><d:getcontentlength>%d</d:getcontentlength>", len(b))
		}
		if s.href != nil {
			name = s.href(name)
		}
		fmt.Fprint(w, "<d:response><d:href>")
		xml.EscapeText(w, []byte((&url.URL{Path: name}).EscapedPath()))
		fmt.Fprintf(w, "</d:href><d:propstat><d:prop>%s</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>", props)
	}
	fmt.Fprint(w, "</d:multistatus>")
}

func (s *store) get(w http.ResponseWriter, r *http.Request, p string) {
	s.mu.Lock()
	b, ok := s.files[p]
	s.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if s.ranges {
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(b)))
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = w.Write(b)
}
