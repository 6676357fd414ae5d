package sftp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qsnap/qsnap/target"
)

// A tripBody calls a function when it is read from an offset on.
type tripBody struct {
	io.ReaderAt
	at   int64
	trip func()
	once sync.Once
}

func (b *tripBody) ReadAt(p []byte, off int64) (int, error) {
	if off >= b.at {
		b.once.Do(b.trip)
	}
	return b.ReaderAt.ReadAt(p, off)
}

func TestABrokenConnectionFailsItsPutAndTheNextGoesOn(t *testing.T) {
	s := newServer(t).start()
	tgt := s.open()
	if err := put(tgt, "before", "x"); err != nil {
		t.Fatal(err)
	}
	body := bytes.Repeat([]byte("content "), 1<<20)
	err := tgt.Put(t.Context(), "object", &tripBody{ReaderAt: bytes.NewReader(body), at: 4 << 20, trip: s.drop}, int64(len(body)))
	saysInOneLine(t, err, "put sftp://", "connection lost")
	if !isTemporary(err) || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v: it should be temporary and nothing else", err)
	}
	if _, err := tgt.Stat(t.Context(), "object"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat: %v", err)
	}
	if err := tgt.Put(t.Context(), "object", bytes.NewReader(body), int64(len(body))); err != nil {
		t.Fatal(err)
	}
	if got, err := get(tgt, "object"); got != string(body) || err != nil {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	if left, err := os.ReadDir(filepath.Join(s.dir, tempDir)); len(left) > 0 || err != nil {
		t.Errorf("the broken put left %v, %v", left, err)
	}
}

// The object is there, but the answer that says so is lost.
func TestAPutWhoseEndIsUnknownIsAnErrorAndExistsForTheNext(t *testing.T) {
	s := newServer(t)
	var once sync.Once
	s.handlers = (&mischief{free: 1 << 40, linked: func(from string) {
		if strings.Contains(from, "/put-") {
			once.Do(s.drop)
		}
	}}).handlers()
	tgt := s.start().open()
	err := put(tgt, "object", "content")
	saysInOneLine(t, err, "connection lost")
	if !isTemporary(err) || errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
	if err := put(tgt, "object", "content"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("trying again: %v", err)
	}
	if got, err := get(tgt, "object"); got != "content" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	if err := put(tgt, "other", "x"); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Join(s.dir, tempDir)); len(left) > 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestIdleConnectionsThatBrokeAreReplaced(t *testing.T) {
	s := newServer(t).start()
	tgt := s.open()
	for range 3 {
		if _, err := tgt.Stat(t.Context(), "a"); !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		idle := tgt.pool.idle[0]
		s.drop()
		<-idle.closed
	}
	if n := s.logins.Load(); n != 3 {
		t.Errorf("%d logins", n)
	}
}

func TestAReaderGoesOnAfterItsConnectionBroke(t *testing.T) {
	s := newServer(t).start()
	tgt := s.open()
	body := bytes.Repeat([]byte("content "), piece/8+10)
	if err := tgt.Put(t.Context(), "object", bytes.NewReader(body), int64(len(body))); err != nil {
		t.Fatal(err)
	}
	r, err := tgt.Get(t.Context(), "object", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	idle := tgt.pool.idle[0]
	s.drop()
	<-idle.closed
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, body) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
}

// The server takes what is sent to it and says nothing any more, as a dead one
// whose network still acknowledges.
func TestAContextEndsEveryCallToASilentServer(t *testing.T) {
	s := newServer(t).start()
	for name, call := range map[string]func(*Target, context.Context) error{
		"put": func(t *Target, ctx context.Context) error {
			return t.Put(ctx, "new", bytes.NewReader(make([]byte, 8<<20)), 8<<20)
		},
		"get": func(t *Target, ctx context.Context) error {
			_, err := t.Get(ctx, "old", 0, -1)
			return err
		},
		"stat": func(t *Target, ctx context.Context) error {
			_, err := t.Stat(ctx, "old")
			return err
		},
		"list": func(t *Target, ctx context.Context) error {
			for _, err := range t.List(ctx, "") {
				return err
			}
			return nil
		},
		"delete": func(t *Target, ctx context.Context) error { return t.Delete(ctx, "old") },
		"space": func(t *Target, ctx context.Context) error {
			_, _, err := t.Space(ctx)
			return err
		},
		"dial": func(t *Target, ctx context.Context) error {
			t.pool.idle[0].close(nil)
			_, err := t.Stat(ctx, "old")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s.silent.Store(false)
			tgt := s.open(func(o *Options) { o.Connections = 1 })
			if err := put(tgt, "old", "content"); err != nil && !errors.Is(err, fs.ErrExist) {
				t.Fatal(err)
			}
			s.silent.Store(true)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			began := time.Now()
			err := call(tgt, ctx)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			if d := time.Since(began); d > 3*time.Second {
				t.Errorf("it took %v", d)
			}
			saysInOneLine(t, err, "sftp://")
			// The other end of the connection is gone too, so that nothing leaks.
			s.silent.Store(false)
			if err := put(tgt, "after-"+name, "x"); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func TestAPutThatIsCancelledRemovesItsFile(t *testing.T) {
	s := newServer(t).start()
	tgt := s.open()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	body := make([]byte, 8<<20)
	err := tgt.Put(ctx, "object", &tripBody{ReaderAt: bytes.NewReader(body), at: 4 << 20, trip: cancel}, int64(len(body)))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(filepath.Join(s.dir, tempDir)); len(left) > 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
	if n := s.logins.Load(); n != 1 {
		t.Errorf("%d logins: the connection was not used again", n)
	}
}

func TestConnectingToNothingIsTemporary(t *testing.T) {
	s := newServer(t).start()
	tgt := s.open()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	o := s.options()
	o.URL = "sftp://me@" + address + "/x"
	_, err = Open(t.Context(), o)
	saysInOneLine(t, err, "connecting to "+address, "refused")
	if !isTemporary(err) {
		t.Error("the error is not temporary")
	}
	o.URL = "sftp://me@host.invalid/x"
	_, err = Open(t.Context(), o)
	saysInOneLine(t, err, "connecting to host.invalid:22")

	// The server goes away after the target was opened.
	tgt.pool.idle[0].close(nil)
	tgt.pool.dial = func(ctx context.Context) (*conn, error) {
		d := &dialer{timeout: time.Minute, keepAlive: time.Minute, hops: []*hop{{address: address, connect: func(context.Context) (net.Conn, error) {
			return net.Dial("tcp", address)
		}}}}
		return d.dial(ctx)
	}
	if err := put(tgt, "a", "x"); !isTemporary(err) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("put: %v", err)
	}
}

func TestAsManyConnectionsAsAllowed(t *testing.T) {
	s := newServer(t)
	const allowed = 3
	writing, all := make(chan struct{}, allowed), make(chan struct{})
	s.handlers = (&mischief{before: func(method, path string) error {
		if method != "write" || !strings.Contains(path, "/put-") {
			return nil
		}
		select {
		case writing <- struct{}{}:
			if len(writing) == allowed {
				close(all)
			}
		default: // later than those that meet
		}
		select {
		case <-all:
		case <-t.Context().Done():
		}
		return nil
	}}).handlers()
	tgt := s.start().open(func(o *Options) { o.Connections = allowed })
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			if err := put(tgt, "a/"+strings.Repeat("x", i+1), "x"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := s.logins.Load(); n != allowed {
		t.Errorf("%d logins", n)
	}
}

func TestAServerWithoutSFTPSaysSo(t *testing.T) {
	s := newServer(t)
	s.noSFTP = true
	_, err := Open(t.Context(), s.start().options())
	saysInOneLine(t, err, "no SFTP for this user")
	if isTemporary(err) {
		t.Error("the error is temporary")
	}
}

func TestNothingIsLeftRunningAfterClose(t *testing.T) {
	s := newServer(t).start()
	before := runtime.NumGoroutine()
	for range 3 {
		tgt := s.open()
		if err := put(tgt, "a", "x"); err != nil && !errors.Is(err, fs.ErrExist) {
			t.Fatal(err)
		}
		if _, err := target.ReadAll(t.Context(), tgt, "a", 10); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		s.silent.Store(true)
		time.AfterFunc(10*time.Millisecond, cancel)
		if _, err := tgt.Stat(ctx, "a"); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		s.silent.Store(false)
		tgt.Close()
	}
	// Goroutines end soon after the connections that they read from.
	for end := time.Now().Add(5 * time.Second); ; runtime.Gosched() {
		if runtime.NumGoroutine() <= before {
			return
		}
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}
