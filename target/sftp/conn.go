package sftp

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// A conn is a connection to the server. It serves one operation at a time.
type conn struct {
	wire *counted // to the first hop; the connections to the others are within it
	ssh  *ssh.Client
	sftp *sftp.Client

	once   sync.Once
	closed chan struct{}
	err    error // why it was closed, unless an operation failed
}

func newConn(wire net.Conn) *conn {
	return &conn{wire: &counted{Conn: wire}, closed: make(chan struct{})}
}

// close ends the connection, and with it every call that waits for the server.
func (c *conn) close(why error) {
	c.once.Do(func() {
		c.err = why
		close(c.closed)
		c.wire.Close()
	})
}

func (c *conn) alive() bool {
	select {
	case <-c.closed:
		return false
	default:
		return true
	}
}

// grace is how long an operation may continue after its context has ended, to clean up,
// before its connection is closed.
const grace = 300 * time.Millisecond

// run runs an operation, and closes the connection if the operation doesn't end soon
// after the context.
func (c *conn) run(ctx context.Context, f func(*conn) error) error {
	done := make(chan struct{})
	watched := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(watched)
		late := time.NewTimer(grace)
		defer late.Stop()
		select {
		case <-done:
		case <-late.C:
			c.close(nil)
		}
	})
	err := f(c)
	close(done)
	if !stop() {
		<-watched
	}
	switch {
	case answered(err):
		return err
	case !c.alive() && c.err != nil:
		return c.err
	case errors.Is(err, io.EOF): // the error of writing to a dead connection
		return sftp.ErrSSHFxConnectionLost
	}
	return err
}

// watch sends keep-alive requests, and closes the connection when nothing was received
// until the next one is due.
func (c *conn) watch(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	asking := make(chan struct{}, 1)
	for heard := int64(-1); ; {
		select {
		case <-c.closed:
			return
		case <-tick.C:
		}
		now := c.wire.bytes.Load()
		if now == heard {
			c.close(errSilent)
			return
		}
		heard = now
		select {
		case asking <- struct{}{}:
			go func() {
				c.ssh.SendRequest("keepalive@openssh.com", true, nil) // any answer will do
				<-asking
			}()
		default: // the last request is still being sent
		}
	}
}
