package connect_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// schemeOf has test: name targets that open opens.
func schemeOf(remote bool, open func() (target.Target, error)) map[string]connect.Scheme {
	return map[string]connect.Scheme{"test": {Remote: remote, Open: func(context.Context, connect.Endpoint) (target.Target, error) { return open() }}}
}

func inMemory() (target.Target, error) { return &targettest.Memory{}, nil }

func TestATargetHasAroundItWhatItsConfigAsksFor(t *testing.T) {
	for _, c := range []struct {
		config connect.Config
		remote bool
		want   string
	}{
		{connect.Config{}, false, "memory"},
		{connect.Config{UploadRate: 1}, false, "throttle memory"},
		{connect.Config{DownloadRate: 1}, false, "throttle memory"},
		{connect.Config{RetryFor: time.Hour, CountTraffic: true}, false, "meter memory"},
		{connect.Config{}, true, "retry watchdog memory"},
		{connect.Config{RetryFor: connect.Once}, true, "watchdog memory"},
		{connect.Config{UploadRate: 1, CountTraffic: true}, true, "retry throttle watchdog meter memory"},
	} {
		c.config.Location, c.config.Schemes = "test:x", schemeOf(c.remote, inMemory)
		conn, err := connect.Target(t.Context(), c.config)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for tgt := conn.Unwrap(); ; {
			_, name, _ := strings.Cut(fmt.Sprintf("%T", tgt), ".")
			got = append(got, strings.ToLower(name))
			w, ok := tgt.(interface{ Unwrap() target.Target })
			if !ok {
				break
			}
			tgt = w.Unwrap()
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%+v: %s, want %s", c.config, s, c.want)
		}
	}
}

func TestAServerThatIsAwayIsWaitedForAsLongAsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failures, tries := 6, 0
		var waits []connect.Wait
		c := connect.Config{Location: "test://host/x?token=secret", Waiting: func(w connect.Wait) { waits = append(waits, w) }}
		c.Schemes = schemeOf(true, func() (target.Target, error) {
			if tries++; tries <= failures {
				return nil, fmt.Errorf("dial host: %w", syscall.ECONNREFUSED)
			}
			return inMemory()
		})
		if _, err := connect.Target(t.Context(), c); err != nil || tries != 7 || len(waits) != 6 {
			t.Error(err, tries, waits)
		}
		if w := waits[0]; w.Location != c.Location || !errors.Is(w.Err, syscall.ECONNREFUSED) || !strings.HasPrefix(w.String(), "dial host: connection refused: trying again in ") {
			t.Errorf("%+v", w)
		}
		for retry, atMost := range map[time.Duration]time.Duration{connect.Once: 0, time.Minute: 2 * time.Minute, 0: 17 * time.Minute} {
			tries, failures, c.RetryFor = 0, 1<<30, retry
			start := time.Now()
			_, err := connect.Target(t.Context(), c)
			if took := time.Since(start); took > atMost || !errors.Is(err, syscall.ECONNREFUSED) || !target.Temporary(err) && retry == connect.Once {
				t.Errorf("%s: %v after %s", retry, err, took)
			}
			if !strings.HasPrefix(err.Error(), "test://host/x?token=***: dial host: connection refused") {
				t.Error(err)
			}
		}
	})
}

func TestADeadMountIsOutOfReach(t *testing.T) {
	for errno, want := range map[syscall.Errno]bool{syscall.ENOTCONN: true, syscall.ESTALE: true, syscall.EIO: true, syscall.EACCES: false} {
		c := connect.Config{Location: "test:x", Schemes: schemeOf(false, func() (target.Target, error) {
			return nil, &fs.PathError{Op: "stat", Path: "/mnt/repo", Err: errno}
		})}
		if _, err := connect.Target(t.Context(), c); errors.Is(err, connect.ErrUnreachable) != want || !errors.Is(err, errno) {
			t.Errorf("%v: %v", errno, err)
		}
	}
}

func TestAConfigThatCannotWorkIsRefusedBeforeAnythingIsDone(t *testing.T) {
	opened := 0
	schemes := schemeOf(true, func() (target.Target, error) { opened++; return inMemory() })
	for want, c := range map[string]connect.Config{
		"the name of the repository is empty":                                               {},
		"test:x: a rate can't be negative":                                                  {Location: "test:x", UploadRate: -1},
		"test:x: RetryFor can't be negative, unless it is Once":                             {Location: "test:x", RetryFor: -time.Second},
		"test:x: objects can't be locked there: only s3:// repositories have object locks":  {Location: "test:x", ObjectLock: "30d"},
		"sftp:x: the host is missing: write sftp://USER@HOST/DIRECTORY":                     {Location: "sftp:x"},
		"s3:x: the bucket is missing: write s3://BUCKET/PREFIX?endpoint=HOST":               {Location: "s3:x"},
		"webdav:x: the host is missing: write webdavs://USER@HOST/DIRECTORY":                {Location: "webdav:x"},
		"webdavs://h/x?a=b: unknown parameter \"a\" in a WebDAV URL: want requests and per": {Location: "webdavs://h/x?a=b"},
		"webdavs://h/x?requests=0: requests=0 is no number of requests":                     {Location: "webdavs://h/x?requests=0"},
		"webdavs://h/x?requests=5: per= is no time, such as 30m":                            {Location: "webdavs://h/x?requests=5"},
		"s3://bucket/x: fingerprint \"abc\" is not 32 bytes in hexadecimal digits":          {Location: "s3://bucket/x", Fingerprint: "abc"},
	} {
		c.Schemes = schemes
		_, err := connect.Target(t.Context(), c)
		if err == nil || err.Error() != want || !errors.Is(err, connect.ErrConfig) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if opened != 0 {
		t.Error("a target was opened")
	}
}

// A closing target counts how often it was closed.
type closing struct {
	*targettest.Memory
	closed *int
}

func (c closing) Close() error { *c.closed++; return errors.New("the line is cut") }

func TestClosingEndsTheConnectionAndSaysWhereItFailed(t *testing.T) {
	closed := 0
	c := connect.Config{Location: "test:x", Schemes: schemeOf(true, func() (target.Target, error) { return closing{&targettest.Memory{}, &closed}, nil })}
	conn, err := connect.Target(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); closed != 1 || err == nil || err.Error() != "test:x: the line is cut" {
		t.Error(closed, err)
	}
}

func TestTrafficIsCountedIfAskedFor(t *testing.T) {
	for _, count := range []bool{true, false} {
		conn, err := connect.Target(t.Context(), connect.Config{Location: "test:x", CountTraffic: count, Schemes: schemeOf(true, inMemory)})
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Put(t.Context(), "a", strings.NewReader("hello"), 5); err != nil {
			t.Fatal(err)
		}
		if n := conn.Traffic(); (n.Puts == 1 && n.BytesUp == 5) != count {
			t.Errorf("%v: %+v", count, n)
		}
	}
}

func TestASchemeOfTheProgramComesBeforeABuiltInOne(t *testing.T) {
	var seen []string
	open := func(_ context.Context, e connect.Endpoint) (target.Target, error) {
		seen = append(seen, e.Scheme+" "+e.Rest)
		return inMemory()
	}
	c := connect.Config{Schemes: map[string]connect.Scheme{"tape": {Open: open}, "sftp": {Open: open}}}
	for _, c.Location = range []connect.Location{"tape:drive0", "sftp://host/x"} {
		if _, err := connect.Target(t.Context(), c); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(seen, []string{"tape drive0", "sftp //host/x"}) {
		t.Error(seen)
	}
	c.Location = "tap:x"
	if err := c.Check(); err == nil || !strings.Contains(err.Error(), "only of local, rclone, s3, sftp, tape, webdav, webdavs: ") {
		t.Error(err)
	}
}
