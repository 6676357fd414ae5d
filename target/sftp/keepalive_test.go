package sftp

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// openByPipe opens a target on a server that is reached without a network, so that
// time is the bubble's. It returns a function that ends both.
func (s *server) openByPipe(t *testing.T, keepAlive time.Duration, wrap func(net.Conn) net.Conn) (*Target, func()) {
	t.Helper()
	key := newKey(t)
	s.login = key.PublicKey()
	d := &dialer{timeout: time.Minute, keepAlive: keepAlive, hops: []*hop{{
		address: "pipe:22", user: "me",
		known: &knownHosts{name: "pipe", keys: []knownKey{{s.hostKey[0].PublicKey(), "test:1"}}},
		ids:   &identities{files: []*keyFile{{name: "test", public: key.PublicKey(), signer: key}}},
	}}}
	served := make(chan struct{}, 100)
	conns := 0
	p := newPool(1, func(ctx context.Context) (*conn, error) {
		client, end := lines()
		conns++
		go func() {
			s.serve(wrap(end))
			served <- struct{}{}
		}()
		return d.through(ctx, client, func() func() { return func() {} })
	})
	tgt, err := open(t.Context(), location{host: "pipe", path: s.dir}, p, false)
	if err != nil {
		t.Fatal(err)
	}
	return tgt, func() {
		tgt.Close()
		for range conns {
			<-served
		}
	}
}

func TestKeepAliveFindsADeadServerWithinTwoIntervals(t *testing.T) {
	s := newServer(t)
	synctest.Test(t, func(t *testing.T) {
		const every = 15 * time.Second
		tgt, end := s.openByPipe(t, every, func(c net.Conn) net.Conn { return c })
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
		oneLine(t, err, "stat sftp://", "nothing was heard from the server")
		if !isTemporary(err) {
			t.Error("the error is not temporary")
		}
		if took > 2*every {
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
		tgt, end := s.openByPipe(t, 15*time.Second, func(c net.Conn) net.Conn { return slowLine{c} })
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
		tgt, end := s.openByPipe(t, time.Hour, func(c net.Conn) net.Conn { return c })
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
