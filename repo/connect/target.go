package connect

import (
	"context"
	"fmt"
	"io"

	"github.com/qsnap/qsnap/target"
)

// A Conn is a target that was opened, with all that its Config asks for around it. Like any
// target, it may be used by any number of goroutines.
type Conn struct {
	target.Target
	location Location
	closer   io.Closer     // or nil
	meter    *target.Meter // or nil
}

// Target opens a target. The caller closes it.
func Target(ctx context.Context, c Config) (*Conn, error) {
	e, err := c.endpoint()
	if err != nil {
		return nil, err
	}
	c = e.Config
	s, err := c.scheme(e)
	if err != nil {
		return nil, err
	}
	t, err := c.open(ctx, s, e)
	if err != nil {
		return nil, at(c.Location, unreachable(err))
	}
	conn := &Conn{location: c.Location}
	conn.closer, _ = t.(io.Closer)
	if c.CountTraffic {
		conn.meter = target.NewMeter(t)
		t = conn.meter
	}
	conn.Target = c.wrap(s, t)
	return conn, nil
}

// open opens what a scheme names, and tries again as that is asked for.
func (c Config) open(ctx context.Context, s Scheme, e Endpoint) (t target.Target, err error) {
	open := func(ctx context.Context) error {
		t, err = s.Open(ctx, e)
		return err
	}
	if retry := c.retry(s); retry != nil {
		err = retry.Do(ctx, "open", c.Location.String(), open)
	} else {
		err = open(ctx)
	}
	return t, err
}

// wrap puts around a target what watches it, slows it down and tries again.
func (c Config) wrap(s Scheme, t target.Target) target.Target {
	if s.Remote {
		t = target.NewWatchdog(t, s.Silence)
	}
	if c.UploadRate > 0 || c.DownloadRate > 0 {
		t = target.NewThrottle(t, c.UploadRate, c.DownloadRate)
	}
	if retry := c.retry(s); retry != nil {
		t = target.NewRetry(t, *retry)
	}
	return t
}

// retry returns how what fails is tried again, or nil if it isn't.
func (c Config) retry(s Scheme) *target.RetryOptions {
	if !s.Remote || c.RetryFor == Once {
		return nil
	}
	return &target.RetryOptions{MaxElapsed: c.RetryFor, Waiting: func(w target.Wait) { c.Waiting(Wait{w, c.Location}) }}
}

// Unwrap returns the target that wrappers are around, for target.As.
func (c *Conn) Unwrap() target.Target { return c.Target }

// Location returns where the target is.
func (c *Conn) Location() Location { return c.location }

// Traffic returns what was asked of the target so far. It is zero without
// Config.CountTraffic.
func (c *Conn) Traffic() target.Counts {
	if c.meter == nil {
		return target.Counts{}
	}
	return c.meter.Counts()
}

// Close ends the connection. What is under way then fails.
func (c *Conn) Close() error {
	if c.closer == nil {
		return nil
	}
	return at(c.location, c.closer.Close())
}

// A Wait is a pause before a request. Err is what failed; without it, the server takes no
// more requests for now.
type Wait struct {
	target.Wait
	Location Location
}

// String says why, and how long the pause will be.
func (w Wait) String() string {
	if w.Err == nil {
		return fmt.Sprintf("%s takes no more requests for now: waiting for %s", w.Location, w.Delay)
	}
	return w.Wait.String()
}
