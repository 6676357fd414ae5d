package main

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/connect"
)

// connectionFlags say how targets are reached.
func connectionFlags() []cli.Flag {
	return []cli.Flag{
		objectLockFlag(),
		&cli.StringFlag{Name: "limit-upload", Usage: "send at most `RATE` bytes a second to the repository, such as 500K or 1.5M"},
		&cli.StringFlag{Name: "limit-download", Usage: "fetch at most `RATE` bytes a second from the repository"},
		&cli.DurationFlag{Name: "retry-for", Value: 15 * time.Minute, Usage: "retry requests that failed at a server or on the way there for up to `TIME`; 0 never retries"},
		&cli.StringFlag{Name: "ca-file", EnvVars: []string{"QSNAP_TARGET_CA_FILE"}, Usage: "trust servers whose certificate an authority in `FILE` has issued"},
		&cli.StringFlag{Name: "fingerprint", EnvVars: []string{"QSNAP_TARGET_FINGERPRINT"}, Usage: "trust only a server whose certificate has the SHA-256 fingerprint `SUM`"},
	}
}

// config returns how to reach a target, by the flags and the environment.
func (p *program) config(c *cli.Context, at repoRef) (connect.Config, error) {
	o := connect.Config{
		Location: at.location, ObjectLock: at.objectLock, CAFile: c.String("ca-file"), Fingerprint: c.String("fingerprint"),
		Getenv: p.getenv,
	}
	if at.reached != nil {
		o = p.asProfileSays(c, at)
	}
	o.CountTraffic, o.Schemes, o.Ask, o.Waiting, o.Stderr = p.traffic, p.schemes, p.ask, p.sayWaits(), p.stderr
	o.Warn = func(err error) { p.warn("%v", err) }
	if err := ratesOf(c, &o); err != nil {
		return connect.Config{}, err
	}
	if at.reached != nil && at.reached.RetryFor != 0 && !p.explicit("retry-for") {
		return o, nil
	}
	switch o.RetryFor = c.Duration("retry-for"); {
	case o.RetryFor < 0:
		return connect.Config{}, errors.New("--retry-for: the time must not be negative")
	case o.RetryFor == 0:
		o.RetryFor = connect.Once
	}
	return o, nil
}

// ratesOf sets the rates that flags give.
func ratesOf(c *cli.Context, o *connect.Config) error {
	for name, to := range map[string]*int64{"limit-upload": &o.UploadRate, "limit-download": &o.DownloadRate} {
		rate, err := rateFlag(c, name)
		if err != nil {
			return err
		}
		if rate != 0 {
			*to = rate
		}
	}
	return nil
}

// rateFlag returns bytes per second, or 0 for no limit.
func rateFlag(c *cli.Context, name string) (int64, error) {
	if !c.IsSet(name) {
		return 0, nil
	}
	n, err := term.ParseSize(strings.TrimSuffix(c.String(name), "/s"))
	if err != nil {
		return 0, fmt.Errorf("--%s: %w", name, err)
	}
	return n, nil
}

// openTarget opens a target with the limits, retries and counters that the flags ask for.
// Create makes a target that doesn't exist. closeTargets closes it at the end.
func (p *program) openTarget(c *cli.Context, at repoRef, create bool) (*connect.Conn, error) {
	o, err := p.config(c, at)
	if err != nil {
		return nil, err
	}
	o.Create = create
	p.opened = true
	t, err := connect.Target(c.Context, o)
	if err != nil {
		return nil, withoutLocation(err)
	}
	p.conns = append(p.conns, t)
	return t, nil
}

// closeTargets closes what openTarget has opened.
func (p *program) closeTargets() error {
	var errs []error
	for _, c := range p.conns {
		errs = append(errs, withoutLocation(c.Close()))
	}
	return errors.Join(errs...)
}

// withoutLocation removes the location from an error: the message names it anyway.
func withoutLocation(err error) error {
	if e, ok := errors.AsType[*connect.Error](err); ok {
		return e.Err
	}
	return err
}

// sayWaits returns a function that prints why operations wait for the target. It prints at
// most once a second, because several wait together.
func (p *program) sayWaits() func(connect.Wait) {
	var mu sync.Mutex
	var last time.Time
	view := p.newView()
	return func(w connect.Wait) {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(last) < time.Second {
			return
		}
		last = time.Now()
		why := w.String()
		if w.Err == nil {
			why = fmt.Sprintf("%s accepts no more requests for now: waiting %s", w.Location, term.Duration(w.Delay))
		}
		view.Interject("target: " + term.Printable(why))
	}
}

// objectLockFlag has the effect of object-lock= in the repository's URL.
func objectLockFlag() cli.Flag {
	return &cli.StringFlag{Name: "object-lock", EnvVars: []string{"QSNAP_OBJECT_LOCK"},
		Usage: "lock each snapshot in an s3:// repository against deletion by anyone for `PERIOD`, such as 30d (see \"qsnap target --help\")"}
}
