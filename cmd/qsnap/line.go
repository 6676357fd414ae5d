package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/target"
)

// A line is what lies between the program and a target.
type line struct {
	up, down int64 // bytes per second, or 0
	remote   bool
	silence  time.Duration        // after which a remote target has stalled, or 0 for the usual
	retry    *target.RetryOptions // nil to try only once
}

func lineFlags() []cli.Flag {
	return []cli.Flag{
		objectLockFlag(),
		&cli.StringFlag{Name: "limit-upload", Usage: "send at most `RATE` bytes a second to the repository, such as 500K or 1.5M"},
		&cli.StringFlag{Name: "limit-download", Usage: "fetch at most `RATE` bytes a second from it"},
		&cli.DurationFlag{Name: "retry-for", Value: 15 * time.Minute, Usage: "try for `TIME` what fails at a server or on the way there; 0 is once"},
		&cli.StringFlag{Name: "ca-file", EnvVars: []string{"QSNAP_TARGET_CA_FILE"}, Usage: "trust a server with a certificate of an authority in `FILE`"},
		&cli.StringFlag{Name: "fingerprint", EnvVars: []string{"QSNAP_TARGET_FINGERPRINT"}, Usage: "trust a server whose certificate has this SHA-256 `SUM`, and no other"},
	}
}

// line returns what the flags ask for.
func (p *program) line(c *cli.Context, remote bool) (line, error) {
	l := line{remote: remote}
	var err error
	if l.up, err = rateFlag(c, "limit-upload"); err != nil {
		return line{}, err
	}
	if l.down, err = rateFlag(c, "limit-download"); err != nil {
		return line{}, err
	}
	if d := c.Duration("retry-for"); d < 0 {
		return line{}, errors.New("--retry-for: a time can't be negative")
	} else if remote && d > 0 {
		say := p.sayWaits()
		l.retry = &target.RetryOptions{MaxElapsed: d, Waiting: func(w target.Wait) { say(w.String()) }}
	}
	return l, nil
}

// rateFlag returns bytes per second, or 0 for no limit.
func rateFlag(c *cli.Context, name string) (int64, error) {
	if !c.IsSet(name) {
		return 0, nil
	}
	n, err := parseSize(strings.TrimSuffix(c.String(name), "/s"))
	if err != nil {
		return 0, fmt.Errorf("--%s: %w", name, err)
	}
	return n, nil
}

// do calls f, and again if that is asked for.
func (l line) do(ctx context.Context, method, name string, f func(context.Context) error) error {
	if l.retry == nil {
		return f(ctx)
	}
	return l.retry.Do(ctx, method, name, f)
}

// around returns the target as it is seen through the line.
func (l line) around(t target.Target) target.Target {
	if l.remote {
		t = target.NewWatch(t, l.silence)
	}
	if l.up > 0 || l.down > 0 {
		t = target.NewThrottle(t, l.up, l.down)
	}
	if l.retry != nil {
		t = target.NewRetry(t, *l.retry)
	}
	return t
}

// sayWaits returns a function that tells why the target is waited for, once a second
// at most: several operations wait together.
func (p *program) sayWaits() func(why string) {
	var mu sync.Mutex
	var last time.Time
	view := p.newView()
	return func(why string) {
		mu.Lock()
		defer mu.Unlock()
		if view.silent || time.Since(last) < time.Second {
			return
		}
		last = time.Now()
		start := ""
		if view.terminal {
			start = "\r\x1b[K" // over the line that shows progress
		}
		fmt.Fprintf(p.stderr, "%starget: %s\n", start, printable(why))
	}
}
