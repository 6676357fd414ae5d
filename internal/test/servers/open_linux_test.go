package servers_test

import (
	"context"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/test/chaos"
	"github.com/qsnap/qsnap/internal/test/servers"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/s3"
	"github.com/qsnap/qsnap/target/sftp"
	"github.com/qsnap/qsnap/target/webdav"
)

// open opens a server's store, reached at an address, until the test ends. Nothing
// is tried twice.
func open(t *testing.T, s *servers.Server, addr string) (target.Target, error) {
	t.Helper()
	u, err := url.Parse(s.URL(addr))
	if err != nil {
		t.Fatal(err)
	}
	var tgt target.Target
	switch u.Scheme {
	case "webdav":
		u.Scheme = "http"
		tgt, err = webdav.Open(t.Context(), webdav.Options{URL: u.String(), User: s.User, Password: s.Password, Create: true, Timeout: 2 * time.Second})
	case "s3":
		var o s3.Options
		if o, err = s3.ParseURL(u.String()); err == nil {
			o.Credentials = s3.Credentials{AccessKeyID: s.User, SecretAccessKey: s.Password}
			tgt, err = s3.Open(t.Context(), o)
		}
	case "sftp":
		known := filepath.Join(t.TempDir(), "known_hosts")
		if err := os.WriteFile(known, []byte(s.KnownHosts(addr)), 0o600); err != nil {
			t.Fatal(err)
		}
		tgt, err = sftp.Open(t.Context(), sftp.Options{URL: u.String(), KeyFiles: []string{s.KeyFile}, KnownHosts: []string{known},
			ConfigFiles: []string{}, Agent: "none", Create: true, Timeout: 10 * time.Second})
	default:
		t.Fatalf("nothing opens %s", u)
	}
	if err != nil {
		return nil, err
	}
	if c, ok := tgt.(io.Closer); ok {
		t.Cleanup(func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return tgt, nil
}

// impatient tries again as the program does, a hundred times as fast.
var impatient = target.RetryOptions{
	MaxElapsed: 2 * time.Minute,
	Sleep: func(ctx context.Context, d time.Duration) error {
		timer := time.NewTimer(d / 100)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	},
}

// reach opens a server's store, as often as that takes.
func reach(t *testing.T, s *servers.Server, addr string) target.Target {
	t.Helper()
	var tgt target.Target
	err := impatient.Do(t.Context(), "open", s.Name, func(context.Context) (err error) {
		tgt, err = open(t, s, addr)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tgt
}

// A rate is how much of what passes a bad network breaks: of requests, or else of
// connections, which last for many.
type rate struct{ requests, connections float64 }

// breaks puts a bad network before a server.
func breaks(t *testing.T, s *servers.Server, seed uint64, r rate) *chaos.Proxy {
	t.Helper()
	o := chaos.Options{Server: s.Addr, Seed: seed, HTTP: s.HTTP, Rate: r.connections}
	if s.HTTP {
		o.Rate = r.requests
	}
	p, err := chaos.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// number returns an environment variable that is a number.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// eachSeed runs a test on each server with some seeds: QSNAP_FAULT_SEEDS of them,
// from QSNAP_FAULT_SEED on.
func eachSeed(t *testing.T, test func(t *testing.T, s *servers.Server, seed uint64)) {
	first := number(t, "QSNAP_FAULT_SEED", 1)
	seeds := number(t, "QSNAP_FAULT_SEEDS", 1)
	for _, kind := range servers.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			s := kind.Start(t)
			if s.Addr == "" {
				return // its connection is its own, within this machine
			}
			for seed := first; seed < first+seeds && !t.Failed(); seed++ {
				t.Run("seed "+strconv.FormatUint(seed, 10), func(t *testing.T) {
					test(t, s, seed)
					if t.Failed() {
						t.Logf("QSNAP_FAULT_SEED=%d QSNAP_FAULT_SEEDS=1 does it again", seed)
					}
				})
			}
		})
	}
}

// oneLine fails the test unless an error is fit to be shown to a user.
func oneLine(t *testing.T, err error) {
	t.Helper()
	if err == nil || err.Error() == "" {
		t.Errorf("an error that says nothing: %v", err)
	}
	for _, c := range err.Error() {
		if c < ' ' || c == 0x7f {
			t.Errorf("not a line: %q", err)
			return
		}
	}
}
