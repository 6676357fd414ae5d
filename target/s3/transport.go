package s3

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Timeouts of a connection. A store that assembles an object from many parts, or writes a
// large one to slow disks, is silent for a while.
const (
	dialTimeout   = 20 * time.Second
	answerTimeout = 3 * time.Minute
	stallTimeout  = 2 * time.Minute // without a byte in either direction
)

func newTransport(trusted *tls.Config) *http.Transport {
	if trusted == nil {
		trusted = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return stallConn{c}, nil
		},
		TLSClientConfig:       trusted,
		TLSHandshakeTimeout:   dialTimeout,
		ResponseHeaderTimeout: answerTimeout,
		IdleConnTimeout:       time.Minute,
		MaxIdleConnsPerHost:   32,
		DisableCompression:    true, // otherwise lengths would not be those of the objects
	}
}

// A stallConn fails when nothing moves for long: a context need not have an end.
type stallConn struct{ net.Conn }

func (c stallConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(max(stallTimeout, answerTimeout))); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c stallConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(stallTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// A note is the part of an answer that minio-go doesn't pass on.
type note struct {
	mu         sync.Mutex
	retryAfter time.Duration
	date       time.Time // by the store's clock
}

type noteKey struct{}

func withNote(ctx context.Context) (context.Context, *note) {
	n := new(note)
	return context.WithValue(ctx, noteKey{}, n), n
}

func (n *note) take(r *http.Response) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if t, err := http.ParseTime(r.Header.Get("Date")); err == nil {
		n.date = t
	}
	after := r.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(after, 10, 16); err == nil {
		n.retryAfter = time.Duration(seconds) * time.Second
	} else if t, err := http.ParseTime(after); err == nil && !n.date.IsZero() {
		n.retryAfter = max(0, t.Sub(n.date))
	}
}

// clock returns the time by the store's clock, or else by this machine's.
func (n *note) clock(now func() time.Time) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.date.IsZero() {
		return now()
	}
	return n.date
}

// A foreignError means that the answer isn't from an S3 store: it comes from a network's
// login page, a proxy, or a web server at a wrong address. Its "404" would otherwise
// count as an absent object, and its "200" as a stored one.
type foreignError struct{ status, kind string }

func (e *foreignError) Error() string {
	return fmt.Sprintf("the answer is %s (%s), not an S3 store's: check the endpoint, and proxies and login pages on the way", e.kind, e.status)
}

// A watcher records parts of answers, and refuses answers that are no store's.
type watcher struct{ base http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (w watcher) RoundTrip(q *http.Request) (*http.Response, error) {
	r, err := w.base.RoundTrip(q)
	if err != nil {
		return nil, err
	}
	if n, ok := q.Context().Value(noteKey{}).(*note); ok {
		n.take(r)
	}
	if r.StatusCode >= 500 || r.StatusCode == http.StatusTooManyRequests {
		return r, nil // worth repeating, whoever says so
	}
	if kind := r.Header.Get("Content-Type"); strings.HasPrefix(kind, "text/html") {
		r.Body.Close()
		return nil, &foreignError{r.Status, "a web page"}
	}
	if r.StatusCode == http.StatusNotFound && q.Method != http.MethodHead {
		if err := refuseForeign404(r); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// refuseForeign404 returns an error unless the body names an S3 error.
func refuseForeign404(r *http.Response) error {
	const enough = 64 << 10
	head, err := io.ReadAll(io.LimitReader(r.Body, enough))
	r.Body.Close()
	if err != nil {
		return err
	}
	if !bytes.Contains(head, []byte("<Code>")) {
		return &foreignError{r.Status, "an unknown one"}
	}
	r.Body = io.NopCloser(bytes.NewReader(head))
	return nil
}
