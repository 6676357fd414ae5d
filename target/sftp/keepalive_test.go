package sftp

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A pipe is a server that is reached without a network, so that time is the
// bubble's.
type pipe struct {
	*server
	dialer
	key    *keyFile
	wrap   func(net.Conn) net.Conn
	served sync.WaitGroup
}

// newPipe returns a pipe to s, which a new key logs in to.
func newPipe(t *testing.T, s *server) *pipe {
	key := newKey(t)
	s.login = key.PublicKey()
	p := &pipe{server: s, wrap: func(c net.Conn) net.Conn { return c }, key: &keyFile{name: "test", public: key.PublicKey(), signer: key}}
	p.dialer = dialer{timeout: 30 * time.Second, keepAlive: 15 * time.Second, hops: []*hop{{
		address: "pipe:22", user: "me",
		known: &knownHosts{name: "pipe", keys: []knownKey{{s.hostKey[0].PublicKey(), "test:1"}}},
		ids:   &identities{files: []*keyFile{p.key}},
		connect: func(context.Context) (net.Conn, error) {
			client, end := lines()
			p.served.Go(func() { s.serve(p.wrap(end)) })
			return client, nil
		},
	}}}
	return p
}

// open opens a target, and returns a function that ends it and the server.
func (p *pipe) open(t *testing.T) (*Target, func()) {
	t.Helper()
	tgt, err := open(t.Context(), location{host: "pipe", path: p.dir}, newPool(1, p.dial), false)
	if err != nil {
		t.Fatal(err)
	}
	return tgt, func() {
		tgt.Close()
		p.served.Wait()
	}
}

func TestKeepAliveFindsADeadServerWithinTwoIntervals(t *testing.T) {
	s := newServer(t)
	synctest.Test(t, func(t *testing.T) {
		p := newPipe(t, s)
		tgt, end := p.open(t)
		defer end()
		c := tgt.pool.idle[0]
		time.Sleep(time.Hour + 7*time.Second)
		if !c.alive() {
			t.Fatal("an idle server was taken for dead")
		}
		s.silent.Store(true)
		began := time.Now()
		_, err := tgt.Stat(t.Context(), "a") // without a deadline
		took := time.Since(began)
		s.silent.Store(false)
		saysInOneLine(t, err, "stat sftp://", "nothing was heard from the server")
		if !isTemporary(err) {
			t.Error("the error is not temporary")
		}
		if took > 2*p.keepAlive {
			t.Errorf("it took %v", took)
		}
		if _, err := tgt.Stat(t.Context(), "a"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// A slowLine takes 4 KiB a second.
type slowLine struct{ net.Conn }

func (c slowLine) Read(p []byte) (int, error) {
	time.Sleep(time.Second)
	return c.Conn.Read(p[:min(len(p), 4<<10)])
}

func TestKeepAliveIsPatientWithASlowLine(t *testing.T) {
	s := newServer(t)
	synctest.Test(t, func(t *testing.T) {
		p := newPipe(t, s)
		p.wrap = func(c net.Conn) net.Conn { return slowLine{c} }
		p.timeout = time.Hour
		tgt, end := p.open(t)
		defer end()
		body := make([]byte, 1<<20)
		began := time.Now()
		if err := tgt.Put(t.Context(), "object", bytes.NewReader(body), int64(len(body))); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took < 4*time.Minute {
			t.Errorf("it took only %v", took)
		}
	})
}

func TestAContextEndsACallAfterAShortGrace(t *testing.T) {
	s := newServer(t)
	synctest.Test(t, func(t *testing.T) {
		p := newPipe(t, s)
		p.keepAlive = time.Hour
		tgt, end := p.open(t)
		defer end()
		s.silent.Store(true)
		defer s.silent.Store(false)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		_, err := tgt.Stat(ctx, "a")
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != time.Minute+grace {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

func TestAServerThatSaysNothingAtAllIsGivenUp(t *testing.T) {
	s := newServer(t)
	synctest.Test(t, func(t *testing.T) {
		p := newPipe(t, s)
		defer p.served.Wait()
		s.silent.Store(true)
		defer s.silent.Store(false)
		began := time.Now()
		_, err := p.dial(t.Context())
		saysInOneLine(t, err, "connecting to pipe:22: no connection within 30s")
		if !isTemporary(err) {
			t.Error("the error is not temporary")
		}
		if took := time.Since(began); took != p.timeout {
			t.Errorf("it took %v", took)
		}
	})
}

// Someone who looks for a passphrase may take longer than connecting may.
func TestThinkingAboutAPassphraseIsNotTimedOut(t *testing.T) {
	s := newServer(t)
	encrypted := filepath.Join(s.home, "encrypted")
	public := writeKey(t, encrypted, "open sesame")
	synctest.Test(t, func(t *testing.T) {
		p := newPipe(t, s)
		s.login = public
		ids := &identities{ask: func(string) ([]byte, error) {
			time.Sleep(time.Hour)
			return []byte("open sesame"), nil
		}}
		if there, err := ids.add(encrypted); !there || err != nil {
			t.Fatal(there, err)
		}
		p.hops[0].ids = ids
		_, end := p.open(t)
		end()
	})
}
