package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// runIn runs a command line with an environment, and nothing on standard input.
func runIn(ctx context.Context, env map[string]string, args ...string) (code int, stdout, stderr string) {
	return runOn(ctx, connect.Scheme{}, env, args...)
}

// runOn does that where test: names targets of a scheme.
func runOn(ctx context.Context, s connect.Scheme, env map[string]string, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	p := &program{stdin: strings.NewReader(""), stdout: &out, stderr: &err, getenv: func(k string) string { return env[k] }, schemes: map[string]connect.Scheme{"test": s}}
	code = p.run(ctx, append([]string{"qsnap"}, args...))
	return code, out.String(), err.String()
}

// A closing target tells that it was closed.
type closing struct {
	*targettest.Memory
	closed *int
}

func (c closing) Close() error { *c.closed++; return nil }

func TestAnAdapterGetsWhatTheUserGave(t *testing.T) {
	var got connect.Config
	var creds connect.Credentials
	closed := 0
	s := connect.Scheme{Remote: true, Open: func(ctx context.Context, e connect.Endpoint) (target.Target, error) {
		got = e.Config
		if e.URL.Host != "host:1" || e.URL.Path != "/x" {
			t.Errorf("url %s", e.URL)
		}
		var err error
		creds, err = e.Credentials(ctx)
		return closing{&targettest.Memory{}, &closed}, err
	}}
	env := map[string]string{"QSNAP_TARGET_PASSWORD": "secret", "QSNAP_TARGET_TOKEN": "tok"}
	code, stdout, stderr := runOn(t.Context(), s, env, "--repo", "test://ann@host:1/x", "--ca-file", "ca.pem", "--fingerprint", "abc",
		"init", "--key-file", filepath.Join(t.TempDir(), "key"), "--cache-dir", t.TempDir())
	if code != 0 || !strings.Contains(stdout, "at test://ann@host:1/x") {
		t.Fatal(code, stdout, stderr)
	}
	if !got.Create || got.CAFile != "ca.pem" || got.Fingerprint != "abc" || creds != (connect.Credentials{User: "ann", Password: "secret", Token: "tok"}) {
		t.Errorf("%+v, %+v", got, creds)
	}
	if closed != 1 {
		t.Errorf("closed %d times", closed)
	}
}

func TestAServerThatIsAwayIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		failures := 0
		s := connect.Scheme{Remote: true, Open: func(context.Context, connect.Endpoint) (target.Target, error) {
			if failures--; failures >= 0 {
				return nil, fmt.Errorf("dial host: %w", syscall.ECONNREFUSED)
			}
			return &targettest.Memory{}, nil
		}}
		check := func(args ...string) (int, string, string) {
			return runOn(t.Context(), s, nil, append(args, "target", "check", "test:x")...)
		}
		failures = 6
		start := time.Now()
		code, _, stderr := check("--retry-for", "5m")
		if code != 0 || !strings.HasPrefix(stderr, "target: dial host: connection refused: trying again in ") {
			t.Error(code, stderr)
		}
		if lines := strings.Count(stderr, "\n"); lines < 2 || lines > 6 || time.Since(start) < time.Second {
			t.Errorf("%d lines in %s: %s", lines, time.Since(start), stderr)
		}
		failures = 6
		if code, _, stderr := check("--retry-for", "5m", "--quiet"); code != 0 || stderr != "" {
			t.Errorf("quietly: %d, %q", code, stderr)
		}
		failures = 1
		if code, _, stderr := check(); code != exitUnreachable || stderr != "qsnap: dial host: connection refused\n" {
			t.Errorf("once: %d, %q", code, stderr)
		}
	})
}

func TestRatesAreCheckedBeforeAnythingIsDone(t *testing.T) {
	for flag, want := range map[string]string{
		"--limit-upload=fast":     `--limit-upload: size "fast": write a number and K, M, G or T, such as 10M`,
		"--limit-download=-1":     `--limit-download: size "-1": write a number and K, M, G or T, such as 10M`,
		"--retry-for=-1s":         `--retry-for "-1s": the value must not be negative`,
		"--limit-upload=10M/hour": `--limit-upload: size "10M/hour": write a number and K, M, G or T, such as 10M`,
	} {
		if code, _, stderr := runIn(t.Context(), nil, flag, "target", "check", t.TempDir()); code != exitUsage || stderr != "qsnap: "+want+"\n" {
			t.Errorf("%s: %d, %q", flag, code, stderr)
		}
	}
	if code, _, stderr := runIn(t.Context(), nil, "--limit-upload=1.5GiB/s", "--limit-download", "1G", "target", "check", t.TempDir()); code != 0 {
		t.Error(stderr)
	}
}

// An overwriting target forgets that a name is taken.
type overwriting struct{ *targettest.Memory }

func (o overwriting) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	if target.ValidName(name) == nil && ctx.Err() == nil {
		o.Set(name, nil)
	}
	return o.Memory.Put(ctx, name, body, size)
}

func TestACheckSaysWhyATargetCannotBeTrusted(t *testing.T) {
	s := connect.Scheme{Open: func(context.Context, connect.Endpoint) (target.Target, error) {
		return overwriting{&targettest.Memory{}}, nil
	}}
	code, stdout, stderr := runOn(t.Context(), s, nil, "target", "check", "test:x")
	if found, _ := regexp.MatchString(`an existing object is never replaced +NO: .*\n(.*\n)*a deleted object is gone +ok\n`, stdout); code != 1 || !found {
		t.Errorf("%d, %s", code, stdout)
	}
	if !strings.HasPrefix(stderr, "qsnap: test:x: an existing object is never replaced: ") || !strings.HasSuffix(stderr, ": do not keep a repository there\n") {
		t.Error(stderr)
	}
	code, stdout, stderr = runOn(t.Context(), s, nil, "--json", "target", "check", "test:x")
	if code != 1 || !strings.Contains(stdout, `"target":"test:x","ok":false,`) || !strings.Contains(stderr, `"message_type":"exit_error"`) {
		t.Errorf("%d, %s, %s", code, stdout, stderr)
	}

	s.Open = func(context.Context, connect.Endpoint) (target.Target, error) {
		return broken{&targettest.Memory{}}, nil
	}
	if code, _, stderr := runOn(t.Context(), s, nil, "target", "check", "test:x"); code != exitUnreachable || !strings.HasSuffix(stderr, ": the target could not be checked, try again\n") {
		t.Error(code, stderr)
	}
}

// A broken target loses its connection at each Put.
type broken struct{ *targettest.Memory }

func (broken) Put(context.Context, string, io.ReaderAt, int64) error { return syscall.ECONNRESET }

// A distant target is at the end of one slow line.
type distant struct {
	*targettest.Memory
	mu       sync.Mutex
	up, down time.Time // when the line is free again
}

const (
	lineDelay = 40 * time.Millisecond
	lineRate  = 10e6 / 8 // up, and twice that down
)

// travel takes as long as a request, and bytes that wait for those before them.
func (d *distant) travel(free *time.Time, n int64, rate float64) {
	d.mu.Lock()
	if now := time.Now(); free.Before(now) {
		*free = now
	}
	*free = free.Add(time.Duration(float64(n) / rate * float64(time.Second)))
	wait := time.Until(*free) + lineDelay
	d.mu.Unlock()
	time.Sleep(wait)
}

func (d *distant) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	d.travel(&d.up, size, lineRate)
	return d.Memory.Put(ctx, name, body, size)
}

func (d *distant) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	if info, err := d.Memory.Stat(ctx, name); n < 0 && err == nil {
		n = info.Size - off
	}
	d.travel(&d.down, n, 2*lineRate)
	return d.Memory.Get(ctx, name, off, n)
}

func (d *distant) Stat(ctx context.Context, name string) (target.Info, error) {
	d.travel(&d.down, 0, 1)
	return d.Memory.Stat(ctx, name)
}

func (d *distant) Delete(ctx context.Context, name string) error {
	d.travel(&d.up, 0, 1)
	return d.Memory.Delete(ctx, name)
}

func TestACheckMeasuresAndIsDoneInTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := connect.Scheme{Open: func(context.Context, connect.Endpoint) (target.Target, error) {
			return &distant{Memory: &targettest.Memory{}}, nil
		}}
		start := time.Now()
		code, stdout, stderr := runOn(t.Context(), s, nil, "target", "check", "test:x")
		if code != 0 {
			t.Fatal(stderr)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("it took %s", took)
		}
		var got []string
		for line := range strings.Lines(stdout) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), "  "); ok {
				got = append(got, name+" "+strings.TrimSpace(value))
			}
		}
		for _, want := range []string{"time for a request 40.0 ms", "upload 1.1 MiB/s", "download 2.2 MiB/s"} {
			if !slices.Contains(got, want) {
				t.Errorf("no %q in %s", want, stdout)
			}
		}
	})
}
