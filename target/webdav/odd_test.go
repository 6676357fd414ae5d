package webdav

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// readAll returns a range of an object.
func readAll(tgt *Target, name string, off, n int64) ([]byte, error) {
	r, err := tgt.Get(context.Background(), name, off, n)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// list returns the names below a prefix.
func list(tgt *Target, prefix string) (names []string, err error) {
	for info, err := range tgt.List(context.Background(), prefix) {
		if err != nil {
			return names, err
		}
		names = append(names, info.Name)
	}
	return names, nil
}

const page = "<!DOCTYPE html><html><body>Please log in, " + password + "</body></html>"

// calls are all methods, on an object that exists.
func calls(tgt *Target) map[string]func() error {
	return map[string]func() error{
		"put":     func() error { return putText(tgt, "packs/new", "hello") },
		"get":     func() error { _, err := readAll(tgt, "packs/a", 0, -1); return err },
		"range":   func() error { _, err := readAll(tgt, "packs/a", 1, 2); return err },
		"stat":    func() error { _, err := tgt.Stat(context.Background(), "packs/a"); return err },
		"list":    func() error { _, err := list(tgt, "packs/"); return err },
		"delete":  func() error { return tgt.Delete(context.Background(), "packs/a") },
		"space":   func() error { _, _, err := tgt.Space(context.Background()); return err },
		"uploads": func() error { _, err := tgt.RemoveUploads(context.Background()); return err },
	}
}

func TestAWebPageIsNoAnswer(t *testing.T) {
	s := newStore()
	tgt := openStore(t, s, Options{})
	mustPut(t, tgt, "packs/a", "hello")
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, page)
		return true
	})
	for name, call := range calls(tgt) {
		err := call()
		isLine(t, err)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(t.Context(), Options{URL: tgt.String()}); err == nil {
		t.Error("open succeeds")
	}
	// An object that is a web page is one all the same.
	s.answer(nil)
	mustPut(t, tgt, "page.html", page)
	s.answer(answering(http.MethodGet, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Length", fmt.Sprint(len(page)))
		_, _ = io.WriteString(w, page)
	}))
	if got, err := readAll(tgt, "page.html", 0, -1); err != nil || string(got) != page {
		t.Errorf("read %q, %v", got, err)
	}
	if got, err := readAll(tgt, "page.html", 2, 7); err != nil || string(got) != page[2:9] {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestLengthsThatLieAreFoundOut(t *testing.T) {
	s := newStore()
	tgt := openStore(t, s, Options{})
	mustPut(t, tgt, "a", "0123456789")
	partial := func(contentRange, body string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", contentRange)
			w.WriteHeader(http.StatusPartialContent)
			_, _ = io.WriteString(w, body)
		}
	}
	whole := func(length, body string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", length)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		off, n int64
	}{
		"another range":             {partial("bytes 0-3/10", "0123"), 2, 4},
		"a shorter range":           {partial("bytes 2-3/10", "23"), 2, 4},
		"a longer range":            {partial("bytes 2-9/10", "23456789"), 2, 4},
		"a range cut short":         {partial("bytes 2-5/10", "23"), 2, 4},
		"a range with more":         {partial("bytes 2-5/10", "234567"), 2, 4},
		"a range that ends early":   {partial("bytes 2-5/10", "2345"), 2, -1},
		"a range without saying so": {partial("", "2345"), 2, 4},
		"a nonsensical range":       {partial("bytes 5-2/10", "2345"), 2, 4},
		"a range not asked for":     {partial("bytes 0-3/10", "0123"), 0, -1},
		"all, cut short":            {whole("10", "01234"), 0, -1},
		"all, cut short before":     {whole("10", "0"), 2, 4},
		"all, but too little":       {whole("4", "0123"), 2, 4},
		"no range is left":          {status(http.StatusRequestedRangeNotSatisfiable), 2, 4},
		"compressed":                {status(http.StatusOK, "Content-Encoding", "gzip"), 0, -1},
		"nothing":                   {status(http.StatusNoContent), 2, 4},
	} {
		s.answer(answering(http.MethodGet, c.answer))
		got, err := readAll(tgt, "a", c.off, c.n)
		if err == nil {
			t.Errorf("%s: read %q without error", name, got)
		} else {
			isLine(t, err, "get a: ")
		}
	}
	s.answer(nil)
	if got, err := readAll(tgt, "a", 2, 4); err != nil || string(got) != "2345" {
		t.Errorf("then read %q, %v", got, err)
	}
}

func TestListingsThatAreNotWholeAreErrors(t *testing.T) {
	t.Parallel()
	const head, self = `<?xml version="1.0"?><multistatus xmlns="DAV:">`, `<response><href>/dav/packs/</href><propstat><prop><resourcetype><collection/></resourcetype></prop><status>HTTP/1.1 200 OK</status></propstat></response>`
	file := func(href string) string {
		return `<response><href>` + href + `</href><propstat><prop><resourcetype/><getcontentlength>5</getcontentlength></prop><status>HTTP/1.1 200 OK</status></propstat></response>`
	}
	s := newStore()
	tgt := openStore(t, s, Options{})
	mustPut(t, tgt, "packs/a", "hello")
	for name, body := range map[string]string{
		"nothing":              "",
		"an empty listing":     head + `</multistatus>`,
		"half of it":           head + self + file("/dav/packs/a"),
		"half a response":      head + self + `<response><href>/dav/packs/a</href>`,
		"more after it":        head + self + `</multistatus>Internal Server Error`,
		"two of them":          head + self + `</multistatus>` + head + self + `</multistatus>`,
		"of something else":    head + strings.ReplaceAll(self, "packs", "other") + `</multistatus>`,
		"with something else":  head + self + file("/dav/other/a") + `</multistatus>`,
		"of all below":         head + self + file("/dav/packs/a/b") + `</multistatus>`,
		"another namespace":    `<multistatus xmlns="urn:x">` + self + `</multistatus>`,
		"another element":      `<error xmlns="DAV:"/>`,
		"without a name":       head + self + `<response><propstat/></response></multistatus>`,
		"a part that is wrong": head + self + `<response><href>/dav/packs/a</href><status>HTTP/1.1 403 Forbidden</status></response></multistatus>`,
		"a document type":      `<!DOCTYPE x [<!ENTITY a "b">]>` + head + self + `</multistatus>`,
		"a name without end":   head + self + file(strings.Repeat("/dav/packs/", 200_000)) + `</multistatus>`,
		"depth without end":    head + strings.Repeat("<a>", 100_000),
	} {
		s.answer(answering("PROPFIND", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(http.StatusMultiStatus)
			_, _ = io.WriteString(w, body)
		}))
		names, err := list(tgt, "packs/")
		if err == nil {
			t.Errorf("%s: listed %q without error", name, names)
			continue
		}
		isLine(t, err, "list packs/: the server ")
	}
	// What is no object is passed over, what has no size is asked for it.
	s.answer(answering("PROPFIND", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusMultiStatus)
		_, _ = io.WriteString(w, head+self+file("/dav/packs/Thumbs.db")+file("/dav/packs/%zz")+file("/dav/packs/b?c")+file("/dav/packs/.d")+
			`<response><href>/dav/packs/gone</href><status>HTTP/1.1 404 Not Found</status></response>`+
			`<response><href>http://elsewhere/dav/packs/a</href><propstat><prop><resourcetype/></prop><status>HTTP/1.1 200 OK</status></propstat></response></multistatus>`)
	}))
	var infos []string
	for info, err := range tgt.List(t.Context(), "packs/") {
		infos = append(infos, fmt.Sprint(info, err))
	}
	if got := fmt.Sprint(infos); got != "[{packs/a 5} <nil>]" {
		t.Errorf("listed %s", got)
	}
}

func TestPagesThatLeadAstrayAreErrors(t *testing.T) {
	s := newStore()
	tgt := openStore(t, s, Options{User: "ann", Password: password})
	mustPut(t, tgt, "packs/a", "hello")
	for _, next := range []string{"http://127.0.0.1:1/dav/packs/?from=1", "", "?from=1"} {
		s.answer(answering("PROPFIND", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add("Link", `<other>; rel="prev", <`+next+`>; title=x; rel="last NEXT"`)
			s.serve(w, r)
		}))
		names, err := list(tgt, "packs/")
		if next == "" { // none
			if err != nil || len(names) != 1 {
				t.Errorf("listed %q, %v", names, err)
			}
			continue
		}
		isLine(t, err, "list packs/: the server continues a listing")
	}
}

func TestCredentialsNeverFollowToAnotherHost(t *testing.T) {
	asked := 0
	other := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked++ }))
	s := newStore()
	tgt := openStore(t, s, Options{User: "ann", Password: password})
	mustPut(t, tgt, "packs/a", "hello")
	for _, code := range []int{301, 302, 303, 307, 308} {
		s.answer(func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Location", other.URL+r.URL.Path+"?token="+password)
			w.WriteHeader(code)
			return true
		})
		for _, call := range calls(tgt) {
			isLine(t, call(), fmt.Sprintf("the server answers %d", code), "it sends on to "+other.URL, "credentials don't go")
		}
		_, err := Open(t.Context(), Options{URL: tgt.String(), User: "ann", Password: password})
		isLine(t, err, "it sends on to "+other.URL)
	}
	if asked > 0 {
		t.Errorf("the other host was asked %d times", asked)
	}
}

func TestRedirectionsWithinTheServerAreFollowedByQuestions(t *testing.T) {
	s := newStore()
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if rest, ok := strings.CutPrefix(r.URL.Path, "/old/"); ok {
			http.Redirect(w, r, "/dav/"+rest, http.StatusMovedPermanently)
			return true
		}
		return false
	})
	server := newServer(t, s)
	tgt := open(t, Options{URL: server.URL + "/old"})
	mustPut(t, tgt, "packs/a", "hello")
	if _, ok := s.object("packs/a"); !ok || tgt.String() != server.URL+"/dav/" {
		t.Errorf("the object is there: %v, below %s", ok, tgt)
	}
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, r.URL.Path, http.StatusFound)
		return true
	})
	_, err := readAll(tgt, "packs/a", 0, -1)
	isLine(t, err, "get packs/a: the server redirects in a circle")
	isLine(t, putText(tgt, "packs/b", "x"), "302 Found")
}

func TestAServerThatHangsIsGivenUpInTime(t *testing.T) {
	const limit = 150 * time.Millisecond
	s := newStore()
	tgt := openStore(t, s, Options{Timeout: limit})
	mustPut(t, tgt, "packs/a", "hello")
	hung := make(chan struct{})
	defer close(hung)
	for _, at := range []string{"PUT", "MOVE", "GET", "PROPFIND", "DELETE", "body", "all"} {
		s.answer(func(w http.ResponseWriter, r *http.Request) bool {
			if at == "body" && r.Method == http.MethodGet {
				w.Header().Set("Content-Length", "5")
				_, _ = io.WriteString(w, "he")
				w.(http.Flusher).Flush()
			} else if at != "all" && r.Method != at {
				return false
			}
			_, _ = io.Copy(io.Discard, r.Body) // else it isn't told that the client is gone
			select {
			case <-hung:
			case <-r.Context().Done():
			}
			return true
		})
		for name, call := range calls(tgt) {
			began := time.Now()
			err := call()
			if took := time.Since(began); took > 20*limit {
				t.Errorf("%s, hanging at %s, takes %s", name, at, took)
			}
			if err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
				isLine(t, err, "the server was silent for 150ms")
				isTemporary(t, err, true, 0)
			} else if at == "all" {
				t.Errorf("%s, hanging always, returns %v", name, err)
			}
		}
		s.answer(nil)
		if err := putText(tgt, "packs/a", "hello"); err != nil && !errors.Is(err, fs.ErrExist) {
			t.Fatal(err)
		}
	}
}

func TestACancelledCallReturnsAtOnce(t *testing.T) {
	s := newStore()
	tgt := openStore(t, s, Options{Timeout: time.Minute})
	mustPut(t, tgt, "packs/a", "hello")
	for _, method := range []string{"PUT", "MOVE", "PROPFIND"} {
		ctx, cancel := context.WithCancel(t.Context())
		s.answer(answering(method, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			s.instead = nil
			cancel()
			<-r.Context().Done()
		}))
		began := time.Now()
		err := tgt.Put(ctx, "packs/new", strings.NewReader("hello"), 5)
		if !errors.Is(err, context.Canceled) || time.Since(began) > 5*time.Second {
			t.Errorf("%s: put returns %v after %s", method, err, time.Since(began))
		}
		if left := s.uploads(); len(left) > 0 {
			t.Errorf("%s: left %q", method, left)
		}
	}
}

func TestAServerThatIsGoneIsSaid(t *testing.T) {
	s := newStore()
	server := httptest.NewServer(s)
	tgt := open(t, Options{URL: server.URL + "/dav"})
	mustPut(t, tgt, "packs/a", "hello")
	server.Close()
	tgt.Close() // else the first call finds a connection that is dead
	for _, call := range calls(tgt) {
		err := call()
		isLine(t, err, "nothing listens at 127.0.0.1:")
		isTemporary(t, err, true, 0)
	}
	tgt.transport = roundTripper(func(*http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "dav.example", IsNotFound: true}}
	})
	for _, call := range calls(tgt) {
		err := call()
		isLine(t, err, `there is no host "dav.example"`)
		isTemporary(t, err, false, 0)
	}
	tls := httptest.NewTLSServer(s)
	defer tls.Close()
	_, err := Open(t.Context(), Options{URL: strings.Replace(tls.URL, "https", "http", 1)})
	isLine(t, err)
	plainServer := newServer(t, s)
	_, err = Open(t.Context(), Options{URL: strings.Replace(plainServer.URL, "http", "https", 1)})
	isLine(t, err, "doesn't speak HTTPS")
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// HTTP/2 sends and receives at once, and ends both if it can't read what it sends.
func TestAServerMayAnswerBeforeItHasReadTheQuestion(t *testing.T) {
	server := newServer(t, newStore())
	asked := 0
	tgt := open(t, Options{URL: server.URL + "/dav", Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Method != "PROPFIND" {
			return http.DefaultTransport.RoundTrip(r)
		}
		asked++
		question := r.Body
		r = r.Clone(r.Context())
		r.Body, r.GetBody, r.ContentLength = nil, nil, 0
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err == nil {
			resp.Body = &whileSending{ReadCloser: resp.Body, question: question}
		}
		return resp, err
	})})
	mustPut(t, tgt, "packs/a", "hello")
	if names, err := list(tgt, "packs/"); err != nil || !slices.Equal(names, []string{"packs/a"}) {
		t.Fatalf("listed %q, %v", names, err)
	}
	if asked == 0 {
		t.Error("nothing was asked")
	}
}

// whileSending is an answer that ends with an error if its question can't be read.
type whileSending struct {
	io.ReadCloser
	question io.Reader
}

func (w *whileSending) Read(p []byte) (int, error) {
	if _, err := io.Copy(io.Discard, w.question); err != nil {
		return 0, err
	}
	return w.ReadCloser.Read(p)
}

func TestNutstoresAnswersAreUnderstood(t *testing.T) {
	s := newStore()
	tgt := openStore(t, s, Options{})
	mustPut(t, tgt, "packs/a", "hello")
	nutstore := func(code int, exception, message string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Type", "application/xml; charset=utf-8")
			w.WriteHeader(code)
			fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><d:error xmlns:d="DAV:" xmlns:s="http://ns.jianguoyun.com"><s:exception>%s</s:exception><s:message>%s</s:message></d:error>`, exception, message)
			return true
		}
	}
	s.answer(nutstore(http.StatusConflict, "AncestorsNotFound", "The ancestors of this resource do not exist"))
	for _, name := range []string{"get", "range", "stat", "delete"} {
		if err := calls(tgt)[name](); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.answer(nutstore(http.StatusServiceUnavailable, "BlockedTemporarily", "Too many requests are received recently"))
	for _, call := range calls(tgt) {
		err := call()
		isLine(t, err, "503 Service Unavailable: Too many requests are received recently")
		isTemporary(t, err, true, 30*time.Minute)
	}
	s.answer(answeringAll(status(http.StatusServiceUnavailable, "Retry-After", "7")))
	for _, call := range calls(tgt) {
		isTemporary(t, call(), true, 7*time.Second)
	}
}

func answeringAll(do func(http.ResponseWriter, *http.Request)) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		do(w, r)
		return true
	}
}

func TestSpaceIsToldWhereTheServerKnows(t *testing.T) {
	s := newStore()
	tgt := openStore(t, s, Options{})
	if _, _, err := tgt.Space(t.Context()); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("space is %v", err)
	}
	s.answer(answering("PROPFIND", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusMultiStatus)
		fmt.Fprint(w, `<multistatus xmlns="DAV:"><response><href>/dav/</href><propstat><prop><quota-available-bytes>70</quota-available-bytes><quota-used-bytes>30</quota-used-bytes></prop><status>HTTP/1.1 200 OK</status></propstat></response></multistatus>`)
	}))
	if free, total, err := tgt.Space(t.Context()); free != 70 || total != 100 || err != nil {
		t.Errorf("space is %d of %d, %v", free, total, err)
	}
}
