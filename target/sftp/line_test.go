package sftp

import (
	"io"
	"net"
	"sync"
	"time"
)

// A line is one direction of a connection in memory. Unlike net.Pipe's it holds
// what wasn't read yet.
type line struct {
	mu     sync.Mutex
	cond   sync.Cond
	buf    []byte
	closed bool
}

func newLine() *line {
	l := &line{}
	l.cond.L = &l.mu
	return l
}

func (l *line) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.buf) == 0 {
		if l.closed {
			return 0, io.EOF
		}
		l.cond.Wait()
	}
	n := copy(p, l.buf)
	l.buf = l.buf[n:]
	return n, nil
}

func (l *line) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0, net.ErrClosed
	}
	l.buf = append(l.buf, p...)
	l.cond.Broadcast()
	return len(p), nil
}

func (l *line) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.cond.Broadcast()
}

// A lineConn is one end of a connection in memory.
type lineConn struct {
	in, out *line
	commandAddr
}

// lines returns both ends.
func lines() (net.Conn, net.Conn) {
	a, b := newLine(), newLine()
	return lineConn{in: a, out: b}, lineConn{in: b, out: a}
}

func (c lineConn) Read(p []byte) (int, error)  { return c.in.Read(p) }
func (c lineConn) Write(p []byte) (int, error) { return c.out.Write(p) }

func (c lineConn) Close() error {
	c.in.Close()
	c.out.Close()
	return nil
}

func (c lineConn) LocalAddr() net.Addr            { return c }
func (c lineConn) RemoteAddr() net.Addr           { return c }
func (lineConn) SetDeadline(time.Time) error      { return nil }
func (lineConn) SetReadDeadline(time.Time) error  { return nil }
func (lineConn) SetWriteDeadline(time.Time) error { return nil }
