package hook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The bounds of a ping.
const (
	// PingBody is how many bytes of a message are sent: its end.
	PingBody = 100_000
	// DefaultPatience is how long a ping is tried.
	DefaultPatience = 30 * time.Second
	// attempt is how long one attempt may take.
	attempt = 10 * time.Second
	// firstPause comes before the second attempt; each further one is twice as long.
	firstPause = time.Second
)

// A Pinger tells a URL that a run has begun or ended, in the way of healthchecks.io: URL/start,
// URL, URL/fail, or URL/CODE, each with the run's id as the parameter rid, by POST.
type Pinger struct {
	URL string
	// ExitCodes has a failure end with the exit code, not with the word fail.
	ExitCodes bool
	// Exact has the URL pinged as it is, without anything that says what has happened.
	Exact bool
	// Patience is how long a ping is tried: DefaultPatience if zero.
	Patience time.Duration
	// Client sends. Nil is one of its own.
	Client *http.Client
}

// Check returns an error if the URL can't be pinged.
func (p Pinger) Check() error {
	_, err := p.address("")
	return err
}

// Start says that a run has begun.
func (p Pinger) Start(ctx context.Context, run string) error {
	return p.send(ctx, "start", run, "")
}

// Success says that a run has done what it is for.
func (p Pinger) Success(ctx context.Context, run, message string) error {
	return p.send(ctx, "", run, message)
}

// Fail says that a run has ended with an exit code that means failure.
func (p Pinger) Fail(ctx context.Context, run string, code int, message string) error {
	if p.ExitCodes && code > 0 && code < 256 {
		return p.send(ctx, strconv.Itoa(code), run, message)
	}
	return p.send(ctx, "fail", run, message)
}

// address returns the URL with a further element of its path. Errors don't repeat the URL:
// whoever knows it can ping it.
func (p Pinger) address(element string) (*url.URL, error) {
	u, err := url.Parse(p.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("the URL to ping must begin with https:// or http:// and name a host")
	}
	u.Fragment = ""
	if element != "" && !p.Exact {
		u = u.JoinPath(element)
	}
	return u, nil
}

// send tries to get a message through until its patience ends.
func (p Pinger) send(ctx context.Context, element, run, message string) error {
	u, err := p.address(element)
	if err != nil {
		return err
	}
	if run != "" {
		q := u.Query()
		q.Set("rid", run)
		u.RawQuery = q.Encode()
	}
	if more := len(message) - PingBody; more > 0 {
		message = message[more:]
	}
	patience := p.Patience
	if patience <= 0 {
		patience = DefaultPatience
	}
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	for pause := firstPause; ; pause *= 2 {
		again, err := p.once(ctx, u, message)
		if err == nil {
			return nil
		}
		if again {
			again = wait(ctx, pause)
		}
		if !again {
			return fmt.Errorf("ping %s: %w", u.Host, err)
		}
	}
}

// wait waits, and reports whether the context goes on after it.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// once sends a message once. Again says whether it may get through later.
func (p Pinger) once(ctx context.Context, u *url.URL, message string) (again bool, err error) {
	ctx, stop := context.WithTimeout(ctx, attempt)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(message))
	if err != nil {
		return false, errors.New("the URL can't be used")
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	req.Header.Set("User-Agent", "qsnap")
	client := p.Client
	if client == nil {
		client = &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}}
	}
	resp, err := client.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // without the URL
		}
		return true, err
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
	resp.Body.Close()
	switch {
	case resp.StatusCode < 300:
		return false, nil
	case resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusRequestTimeout:
		return true, fmt.Errorf("the server answers %s", resp.Status)
	}
	return false, fmt.Errorf("the server answers %s: check the URL", resp.Status)
}
