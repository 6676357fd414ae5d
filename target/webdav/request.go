package webdav

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// A call is a request to the server.
type call struct {
	op, name string // for errors
	method   string
	url      *url.URL
	header   http.Header
	text     string // the body; a server may answer before it has read it
	body     *body  // the body, instead of text; nil means none
}

// maxHops is how often a server may redirect a request that changes nothing.
const maxHops = 5

// send sends a call and returns the server's answer, whatever it is. The caller must
// close its body. Requests that change nothing follow redirections within the server; for
// other requests the caller handles redirections.
func (t *Target) send(ctx context.Context, c call) (*http.Response, error) {
	for range maxHops {
		resp, err := t.exchange(ctx, c)
		if err != nil {
			return nil, err
		}
		location := resp.Header.Get("Location")
		if resp.StatusCode < 301 || resp.StatusCode > 308 || location == "" {
			return resp, nil
		}
		next, err := c.url.Parse(location)
		if err != nil || origin(next) != origin(c.url) {
			place := "nowhere"
			if err == nil {
				place = origin(next)
			}
			discard(resp)
			return nil, &Error{Op: c.op, Name: c.name, Status: resp.StatusCode,
				Text: fmt.Sprintf("it sends on to %s, where the credentials don't go; name that address if it is meant", place)}
		}
		switch c.method {
		case http.MethodGet, http.MethodHead, "PROPFIND":
		default:
			return resp, nil
		}
		discard(resp)
		next.User, next.Fragment = nil, ""
		c.url = next
	}
	return nil, &Error{Op: c.op, Name: c.name, Text: "the server redirects in a circle"}
}

// origin returns the scheme, host and port of a URL.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + u.Hostname() + ":" + port
}

// exchange sends a call, and repeats it with credentials if the server requests them.
func (t *Target) exchange(ctx context.Context, c call) (*http.Response, error) {
	for round := 0; ; round++ {
		if err := t.pacer.take(ctx); err != nil {
			return nil, fmt.Errorf("%s %s: %w", c.op, c.name, err)
		}
		req := &http.Request{Method: c.method, URL: c.url, Host: c.url.Host, Header: http.Header{}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
		for k, v := range c.header {
			req.Header[k] = v
		}
		req.Header.Set("User-Agent", "qsnap")
		sent, err := t.auth.authorize(req)
		if err != nil {
			return nil, err
		}
		resp, err := t.roundTrip(ctx, c, req)
		if err != nil {
			return nil, t.lost(ctx, c, err)
		}
		if resp.StatusCode < 400 {
			return resp, nil
		}
		said := keep(resp)
		if resp.StatusCode != http.StatusUnauthorized {
			return resp, t.pacer.heed(resp, said)
		}
		if why := t.auth.challenged(resp.Header, sent, round); why != "" {
			return nil, &Error{Op: c.op, Name: c.name, Status: resp.StatusCode, Text: why, Err: fs.ErrPermission}
		}
	}
}

// keep reads the beginning of an error's body, and lets it be read again.
func keep(resp *http.Response) []byte {
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // if that fails, the status must suffice
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(b))
	return b
}

// roundTrip sends one request. It gives up if nothing moves for some time.
func (t *Target) roundTrip(parent context.Context, c call, req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(parent)
	w := &watch{limit: t.timeout}
	w.timer = time.AfterFunc(w.limit, func() { cancel(errSilent(w.limit)) })
	req = req.WithContext(ctx)
	c.attach(req, w)
	resp, err := t.transport.RoundTrip(req)
	if c.body != nil {
		c.body.stop() // also keeps anything from restarting the watch
	}
	w.pause()
	if err != nil {
		if silent, ok := context.Cause(ctx).(errSilent); ok && parent.Err() == nil {
			err = silent
		}
		cancel(nil)
		return nil, err
	}
	resp.Body = &answer{ReadCloser: resp.Body, t: t, c: c, parent: parent, ctx: ctx, cancel: cancel, watch: w}
	return resp, nil
}

// attach adds the body to a request.
func (c call) attach(req *http.Request, w *watch) {
	open := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(c.text)), nil }
	req.ContentLength = int64(len(c.text))
	if c.body != nil {
		open = func() (io.ReadCloser, error) { return c.body.open(w), nil }
		req.ContentLength = c.body.size
	}
	if req.ContentLength > 0 {
		req.Body, _ = open()
		req.GetBody = open
	} else if c.body != nil {
		req.Body = http.NoBody // send the length of an empty file, too
	}
}

// A watch ends a request when its time is up.
type watch struct {
	limit time.Duration
	timer *time.Timer
}

func (w *watch) pause()  { w.timer.Stop() }
func (w *watch) resume() { w.timer.Reset(w.limit) }

// An answer is a response's body. The time between two reads doesn't count.
type answer struct {
	io.ReadCloser
	t           *Target
	c           call
	parent, ctx context.Context
	cancel      context.CancelCauseFunc
	watch       *watch
}

func (a *answer) Read(p []byte) (int, error) {
	a.watch.resume()
	n, err := a.ReadCloser.Read(p)
	a.watch.pause()
	if err == nil || err == io.EOF {
		return n, err
	}
	if silent, ok := context.Cause(a.ctx).(errSilent); ok {
		err = silent
	}
	return n, a.t.lost(a.parent, a.c, err)
}

func (a *answer) Close() error {
	a.watch.pause()
	err := a.ReadCloser.Close()
	a.cancel(nil)
	return err
}

// discard closes a response, and reads a short rest so that its connection can be reused.
func discard(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	resp.Body.Close()
}

// A body is what a request sends: any number of times, but never after stop.
type body struct {
	r    io.ReaderAt
	size int64

	mu   sync.Mutex
	turn int // number of the reader that may read
	err  error
}

// open ends earlier readers and returns a new one from the start.
func (b *body) open(w *watch) io.ReadCloser {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn++
	return &bodyReader{b: b, turn: b.turn, watch: w}
}

// stop waits until nothing reads the body, and prevents further reads.
func (b *body) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn++
}

// failure returns the error of reading the body.
func (b *body) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

type bodyReader struct {
	b     *body
	turn  int
	off   int64
	watch *watch
}

func (r *bodyReader) Read(p []byte) (int, error) {
	b := r.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.off >= b.size {
		return 0, io.EOF
	}
	if r.turn != b.turn {
		return 0, http.ErrBodyReadAfterClose
	}
	p = p[:min(int64(len(p)), b.size-r.off)]
	r.watch.pause() // the time for reading the body isn't the server's
	n, err := b.r.ReadAt(p, r.off)
	r.watch.resume()
	r.off += int64(n)
	if n == len(p) {
		return n, nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	b.err = err
	return n, err
}

// Close implements io.ReadCloser. The transport may call it at any time.
func (r *bodyReader) Close() error { return nil }
