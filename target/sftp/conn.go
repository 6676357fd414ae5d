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

// A conn is a connection to the server, for one operation at a time.
type conn struct {
	wire *counted // to the first hop; all others are within it
	ssh  *ssh.Client
	sftp *sftp.Client

	once   sync.Once
	closed chan struct{}
	err    error // why it was closed, if that was no error of an operation
}

func newConn(wire net.Conn) *conn {
	return &conn{wire: &counted{Conn: wire}, closed: make(chan struct{})}
}

// close ends the connection, and with it whatever waits for the server.
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

// grace is how long an operation may go on after its context has ended, to remove
// what it began, before its connection is closed.
const grace = 300 * time.Millisecond

// run runs an operation, and closes the connection if it doesn't end soon after the
// context.
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
	case errors.Is(err, io.EOF): // as writing to a dead connection has it
		return sftp.ErrSSHFxConnectionLost
	}
	return err
}

// watch asks the server whether it is there, and closes the connection when nothing
// came back by the next time.
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
		default: // the last question is still on its way
		}
	}
}
