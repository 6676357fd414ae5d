package s3_test

import (
	"net/http"
	"sync"
)

type sender func() (*http.Response, error)

// A tap is a transport that passes requests through a function, which may send them.
// Its zero value just sends them.
type tap struct {
	mu    sync.Mutex
	until int // how many requests pass by first
	every bool
	f     func(q *http.Request, send sender) (*http.Response, error)
}

// on passes the nth request from now on through a function, or all if n is 0.
func (t *tap) on(n int, f func(q *http.Request, send sender) (*http.Response, error)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.until, t.every, t.f = n, n == 0, f
}

// RoundTrip implements http.RoundTripper.
func (t *tap) RoundTrip(q *http.Request) (*http.Response, error) {
	t.mu.Lock()
	t.until--
	f := t.f
	if t.until != 0 && !t.every {
		f = nil
	}
	t.mu.Unlock()
	send := func() (*http.Response, error) { return http.DefaultTransport.RoundTrip(q) }
	if f == nil {
		return send()
	}
	return f(q, send)
}
