// Package client asks the service of a host, qsnapd, for what it does, and for runs.
//
// It speaks JSON over HTTP on the Unix socket in the service's state directory. What must
// stay true: nothing here serves, so that the command that uses it links no server.
package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"github.com/qsnap/qsnap/repo/report"
)

// SocketName is the name of the socket in a state directory.
const SocketName = "control.sock"

// ErrNoService means that no service answers.
var ErrNoService = errors.New("qsnapd is not running")

// A Run asks for a run by hand.
type Run struct {
	Profile  string `json:"profile"`
	Level    string `json:"level,omitempty"` // none: as the profile's schedule says
	Priority int    `json:"priority,omitempty"`
	NoLimit  bool   `json:"no_limit,omitempty"`
}

// A Change is what is to happen to one run or profile.
type Change struct {
	Name     string `json:"name"` // the id of a run, or a profile
	First    bool   `json:"first,omitempty"`
	Priority *int   `json:"priority,omitempty"`
}

// A LogLevel says what a component of the service logs.
type LogLevel struct {
	Component string `json:"component,omitempty"` // none: all that have no level of their own
	Level     string `json:"level"`
}

// Failure is the answer to what could not be done.
type Failure struct {
	Error string `json:"error"`
}

// A Client is connected to the service with one state directory.
type Client struct {
	http http.Client
	path string
}

// New returns a client of the service with a state directory. Nothing is asked yet.
func New(state string) *Client {
	path := filepath.Join(state, SocketName)
	var d net.Dialer
	return &Client{path: path, http: http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "unix", path) },
	}}}
}

// Find returns a client of the first service that answers, of those with one of these state
// directories, or ErrNoService.
func Find(ctx context.Context, states ...string) (*Client, error) {
	var denied error
	for _, s := range states {
		c := New(s)
		_, err := c.Status(ctx)
		switch {
		case err == nil:
			return c, nil
		case !errors.Is(err, ErrNoService):
			denied = cmp.Or(denied, err)
		}
	}
	return nil, cmp.Or(denied, ErrNoService)
}

// answerTime is how long the service may take to answer.
const answerTime = 10 * time.Second

// do sends a request. What is returned must be closed.
func (c *Client) do(ctx context.Context, method, path string, body any) (io.ReadCloser, error) {
	var text io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		text = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://qsnapd"+path, text)
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.explain(err)
	}
	if res.StatusCode == http.StatusOK {
		return res.Body, nil
	}
	defer res.Body.Close()
	var f Failure
	if err := json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&f); err != nil || f.Error == "" {
		return nil, fmt.Errorf("qsnapd answers %s", res.Status)
	}
	return nil, errors.New(f.Error)
}

// explain tells a service that isn't there from one that doesn't let the user in.
func (c *Client) explain(err error) error {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "dial" {
		return fmt.Errorf("qsnapd does not answer: %w", err)
	}
	if errors.Is(err, errDenied) {
		return fmt.Errorf("%s: permission denied: only the owner of the service may use it, and the group that \"socket\" names in the configuration", c.path)
	}
	return fmt.Errorf("%w (%s does not answer)", ErrNoService, c.path)
}

// ask sends a request and reads the answer into a value, if it isn't nil.
func (c *Client) ask(ctx context.Context, method, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	answer, err := c.do(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer answer.Close()
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(answer).Decode(into); err != nil {
		return fmt.Errorf("answer of qsnapd: %w", err)
	}
	return nil
}

// Status returns what the service does.
func (c *Client) Status(ctx context.Context) (s report.Service, err error) {
	return s, c.ask(ctx, http.MethodGet, "/v1/service", nil, &s)
}

// Run asks for a run by hand, and returns how the queue has it.
func (c *Client) Run(ctx context.Context, r Run) (q report.RunRequested, err error) {
	return q, c.ask(ctx, http.MethodPost, "/v1/runs", r, &q)
}

// Move gives what waits another place in the queue.
func (c *Client) Move(ctx context.Context, change Change) error {
	return c.ask(ctx, http.MethodPost, "/v1/move", change, nil)
}

// Drop removes what waits from the queue.
func (c *Client) Drop(ctx context.Context, name string) error {
	return c.ask(ctx, http.MethodPost, "/v1/drop", Change{Name: name}, nil)
}

// Cancel ends a run that is under way.
func (c *Client) Cancel(ctx context.Context, name string) error {
	return c.ask(ctx, http.MethodPost, "/v1/cancel", Change{Name: name}, nil)
}

// Pause keeps scheduled runs of a profile, or with "" all, from starting.
func (c *Client) Pause(ctx context.Context, profile string) error {
	return c.ask(ctx, http.MethodPost, "/v1/pause", Change{Name: profile}, nil)
}

// Resume undoes Pause.
func (c *Client) Resume(ctx context.Context, profile string) error {
	return c.ask(ctx, http.MethodPost, "/v1/resume", Change{Name: profile}, nil)
}

// Reload makes the service read its configuration again.
func (c *Client) Reload(ctx context.Context) error {
	return c.ask(ctx, http.MethodPost, "/v1/reload", nil, nil)
}

// SetLogLevel changes what the service logs, until it reads its configuration again.
func (c *Client) SetLogLevel(ctx context.Context, l LogLevel) error {
	return c.ask(ctx, http.MethodPost, "/v1/log-level", l, nil)
}

// Log copies the log of a run, or of the newest run of a profile, or with "" of the service.
// With follow it goes on: a run's to the end of the run, the service's until ctx ends.
func (c *Client) Log(ctx context.Context, name string, follow bool, to io.Writer) error {
	q := url.Values{"name": {name}}
	if follow {
		q.Set("follow", "true")
	}
	answer, err := c.do(ctx, http.MethodGet, "/v1/log?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	defer answer.Close()
	_, err = io.Copy(to, answer)
	return err
}
