package chaos

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A server stores what is PUT, once, and remembers what it was asked.
type server struct {
	*httptest.Server
	mu      sync.Mutex
	asked   []string
	objects map[string][]byte
}

func newServer(t *testing.T) *server {
	s := &server{objects: map[string][]byte{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Server.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	whole := "whole"
	if err != nil {
		whole = "broken"
	}
	s.asked = append(s.asked, r.Method+" "+r.URL.Path+" "+whole)
	old, there := s.objects[r.URL.Path]
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	case r.Method == http.MethodPut && there:
		w.WriteHeader(http.StatusPreconditionFailed)
	case r.Method == http.MethodPut:
		s.objects[r.URL.Path] = body
		w.WriteHeader(http.StatusCreated)
	case r.Method == http.MethodDelete:
		delete(s.objects, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	case !there:
		http.NotFound(w, r)
	default:
		w.Header().Set("X-Method", r.Method)
		if r.URL.Query().Has("chunked") {
			w.(http.Flusher).Flush()
		} else {
			w.Header().Set("Content-Length", fmt.Sprint(len(old)))
		}
		w.Write(old)
	}
}

func (s *server) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

func start(t *testing.T, o Options) *Proxy {
	t.Helper()
	p, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func startHTTP(t *testing.T, s *server, o Options) *Proxy {
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	o.Server, o.HTTP = u.Host, true
	return start(t, o)
}

// A client asks through a proxy.
type client struct {
	*http.Client
	p *Proxy
}

func newClient(t *testing.T, p *Proxy) *client {
	transport := &http.Transport{ExpectContinueTimeout: time.Minute}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{&http.Client{Transport: transport}, p}
}

func (c *client) do(method, path string, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequest(method, "http://"+c.p.Addr()+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Host = "server"
	if len(body) > 100 {
		req.Header.Set("Expect", "100-continue")
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

func TestAGoodNetworkChangesNothing(t *testing.T) {
	s := newServer(t)
	p := startHTTP(t, s, Options{})
	c := newClient(t, p)
	large := bytes.Repeat([]byte("0123456789"), 100_000)
	for _, x := range []struct {
		method, path string
		body         []byte
		status       int
		answer       string
	}{
		{"PUT", "/a", large, 201, ""},
		{"PUT", "/a", []byte("x"), 412, ""},
		{"PUT", "/empty", nil, 201, ""},
		{"GET", "/a", nil, 200, string(large)},
		{"GET", "/a?chunked", nil, 200, string(large)},
		{"GET", "/empty", nil, 200, ""},
		{"GET", "/none", nil, 404, "404 page not found\n"},
		{"PROPFIND", "/a", []byte("<propfind/>"), 200, string(large)},
		{"HEAD", "/a", nil, 200, ""},
		{"DELETE", "/a", nil, 204, ""},
	} {
		status, answer, err := c.do(x.method, x.path, x.body)
		if err != nil || status != x.status || string(answer) != x.answer {
			t.Errorf("%s %s: %d, %d bytes, %v", x.method, x.path, status, len(answer), err)
		}
	}
	if events := p.Events(); len(events) > 0 {
		t.Errorf("events %v", events)
	}
	if p.number != 1 {
		t.Errorf("%d connections were needed", p.number)
	}
}

func TestHTTPFaultsDoWhatTheySay(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789"), 1000)
	stored := []string{"PUT /a whole"}
	for _, x := range []struct {
		fault  Fault
		status int // 0 for none
		asked  []string
	}{
		{Drop, 0, nil},
		{CutRequest, 0, []string{"PUT /a broken"}},
		{CutResponse, 0, stored},
		{Truncate, 0, stored},
		{Delay, 201, stored},
		{Unavailable, 503, nil},
		{Repeat, 201, append(stored, stored...)},
		{RepeatLast, 412, append(stored, stored...)},
		{BadGateway, 502, stored},
	} {
		s := newServer(t)
		p := startHTTP(t, s, Options{Rate: 1, Faults: []Fault{x.fault}, Seed: 7})
		status, _, err := newClient(t, p).do("PUT", "/a", body)
		if status != x.status || (err == nil) != (x.status != 0) {
			t.Errorf("%s: status %d, %v", x.fault, status, err)
		}
		p.Close()
		s.Server.Close() // waits for what it is doing
		if got := s.requests(); !slices.Equal(got, x.asked) {
			t.Errorf("%s: the server was asked %q", x.fault, got)
		}
		events := p.Events()
		if len(events) != 1 || events[0].Fault != x.fault || events[0].Method != "PUT" || events[0].Path != "/a" || events[0].Err != "" {
			t.Errorf("%s: events %v", x.fault, events)
		}
	}
}

func TestAnAnswerThatIsCutIsAnErrorToItsReader(t *testing.T) {
	for _, x := range []struct {
		fault Fault
		want  error
	}{{CutResponse, syscall.ECONNRESET}, {Truncate, io.ErrUnexpectedEOF}} {
		s := newServer(t)
		s.objects["/a"] = bytes.Repeat([]byte("x"), 100_000)
		p := startHTTP(t, s, Options{Rate: 1, Faults: []Fault{x.fault}, Seed: 7})
		status, answer, err := newClient(t, p).do("GET", "/a", nil)
		if status != 200 || len(answer) == 100_000 || !errors.Is(err, x.want) {
			t.Errorf("%s: %d, %d bytes, %v", x.fault, status, len(answer), err)
		}
	}
}

func TestA503SaysWhenToComeBack(t *testing.T) {
	p := startHTTP(t, newServer(t), Options{Rate: 1, Faults: []Fault{Unavailable}, RetryAfter: 3 * time.Second})
	resp, err := http.Get("http://" + p.Addr() + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := resp.Header.Get("Retry-After"); got != "3" {
		t.Errorf("Retry-After: %s", got)
	}
}

func TestASeedReplays(t *testing.T) {
	run := func(seed uint64) []Event {
		s := newServer(t)
		s.objects["/a"] = bytes.Repeat([]byte("x"), 5000)
		p := startHTTP(t, s, Options{Seed: seed, Rate: 0.7, MaxDelay: time.Millisecond})
		c := newClient(t, p)
		for range 60 {
			c.do("PUT", "/a", []byte("body"))
			c.CloseIdleConnections()
		}
		return p.Events()
	}
	first := run(1)
	if again := run(1); !slices.Equal(first, again) {
		t.Errorf("%v\nand\n%v", first, again)
	}
	if other := run(2); slices.Equal(first, other) {
		t.Error("another seed does the same")
	}
	seen := map[Fault]bool{}
	for _, e := range first {
		seen[e.Fault] = true
	}
	for _, f := range Faults(true) {
		if !seen[f] {
			t.Errorf("of %d events none is: %s", len(first), f)
		}
	}
	if n := len(first); n < 30 || n > 54 {
		t.Errorf("%d of 60 requests were struck", n)
	}
}

func TestTheNetworkCanGoAwayAndComeBack(t *testing.T) {
	s := newServer(t)
	p := startHTTP(t, s, Options{Rate: 1, Faults: []Fault{Drop}})
	c := newClient(t, p)
	p.SetRate(0)
	if status, _, err := c.do("PUT", "/a", []byte("x")); status != 201 {
		t.Fatal(status, err)
	}
	p.SetDown(true)
	if status, _, err := c.do("GET", "/a", nil); err == nil {
		t.Errorf("status %d while the network is down", status)
	}
	p.SetDown(false)
	if status, _, err := c.do("GET", "/a", nil); status != 200 {
		t.Error(status, err)
	}
	if events := p.Events(); len(events) == 0 || events[0].Fault != Down {
		t.Errorf("events %v", events)
	}
}

func TestAServerThatIsGoneIsLogged(t *testing.T) {
	s := newServer(t)
	p := startHTTP(t, s, Options{})
	s.Server.Close()
	if _, _, err := newClient(t, p).do("GET", "/a", nil); err == nil {
		t.Error("there is an answer")
	}
	p.Close()
	if events := p.Events(); len(events) != 1 || !strings.Contains(events[0].Err, "refused") {
		t.Errorf("events %v", events)
	}
}

func TestEventsReadWell(t *testing.T) {
	for want, e := range map[string]Event{
		"3.1: cut request after 12 bytes": {Conn: 3, Request: 1, Fault: CutRequest, After: 12},
		"3.2 GET /a: delay for 5ms":       {Conn: 3, Request: 2, Fault: Delay, Method: "GET", Path: "/a", Delay: 5 * time.Millisecond},
		"4.1: none: no server":            {Conn: 4, Request: 1, Err: "no server"},
		"4.1 PUT /a: repeat last":         {Conn: 4, Request: 1, Fault: RepeatLast, Method: "PUT", Path: "/a"},
		"4.1: fault 99":                   {Conn: 4, Request: 1, Fault: 99},
	} {
		if got := e.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
