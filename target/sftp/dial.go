package sftp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// A dialer connects to a server.
type dialer struct {
	hops      []*hop // the last one is the server
	timeout   time.Duration
	keepAlive time.Duration
}

// dial connects from hop to hop, and starts the server's SFTP. Its errors can't be
// mistaken for an answer about a file.
func (d *dialer) dial(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limit := time.AfterFunc(d.timeout, func() { cancel(fmt.Errorf("no connection within %v", d.timeout)) })
	defer limit.Stop()
	pause := func() func() {
		limit.Stop()
		return func() { limit.Reset(d.timeout) }
	}
	wire, err := d.hops[0].connect(ctx)
	if err != nil {
		err = fmt.Errorf("connecting to %s: %w", d.hops[0].address, err)
	} else {
		var c *conn
		if c, err = d.through(ctx, wire, pause); err == nil {
			return c, nil
		}
	}
	if changed, ok := errors.AsType[*HostKeyError](err); ok {
		return nil, &failure{changed, false}
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("connecting to %s: %w", d.hops[len(d.hops)-1].address, context.Cause(ctx))
	}
	return nil, &failure{&unanswered{oneLine(err.Error()), err}, mayPass(err)}
}

// An unanswered error shows only printable text, and wraps only errors of the network:
// others, such as that of a key file, say nothing about the target.
type unanswered struct {
	text string
	err  error
}

func (u *unanswered) Error() string { return u.text }

func (u *unanswered) Unwrap() error {
	if e, ok := errors.AsType[*net.DNSError](u.err); ok {
		return e
	}
	if e, ok := errors.AsType[*net.OpError](u.err); ok {
		return e
	}
	return nil
}

// oneLine replaces unprintable characters: servers influence the text of errors.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// through logs in to all hops, each through the one before.
func (d *dialer) through(ctx context.Context, wire net.Conn, pause func() func()) (*conn, error) {
	c := newConn(wire)
	stop := context.AfterFunc(ctx, func() { c.close(nil) })
	var err error
	var via net.Conn = c.wire
	for i, h := range d.hops {
		if i > 0 {
			if via, err = c.ssh.DialContext(ctx, "tcp", h.address); err != nil {
				err = fmt.Errorf("connecting from %s to %s: %w", d.hops[i-1].address, h.address, err)
				break
			}
		}
		if c.ssh, err = h.login(ctx, via, pause); err != nil {
			break
		}
	}
	if err == nil {
		err = c.start(d.keepAlive)
	}
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		c.close(nil)
		if command, ok := wire.(*commandConn); ok {
			err = command.explain(err)
		}
		return nil, err
	}
	return c, nil
}

// login checks the host's key and logs in.
func (h *hop) login(ctx context.Context, via net.Conn, pause func() func()) (*ssh.Client, error) {
	var offered offer
	var refused error // by this client: the handshake's error may differ
	ctx, done := context.WithCancel(ctx)
	defer done() // closes the connection to the agent
	config := &ssh.ClientConfig{
		User: h.user,
		Auth: []ssh.AuthMethod{ssh.PublicKeysCallback(func() ([]ssh.Signer, error) {
			offered = h.ids.offer(ctx, pause)
			return offered.signers, nil
		})},
		HostKeyAlgorithms: h.known.algorithms(),
		HostKeyCallback: func(_ string, remote net.Addr, key ssh.PublicKey) error {
			refused = h.known.check(h.address, remote, key)
			return refused
		},
	}
	conn, channels, requests, err := ssh.NewClientConn(via, h.address, config)
	switch {
	case err == nil:
		return ssh.NewClient(conn, channels, requests), nil
	case refused != nil:
		return nil, refused
	case strings.Contains(err.Error(), "unable to authenticate") && !strings.Contains(err.Error(), "publickey"):
		return nil, permanent(fmt.Errorf("%s lets nobody log in with a key, and passwords are not supported", h.address))
	case strings.Contains(err.Error(), "unable to authenticate"):
		return nil, permanent(fmt.Errorf("%s does not let %s log in with what was tried: %s", h.address, h.user, offered))
	case strings.Contains(err.Error(), "authentication failures"):
		return nil, permanent(fmt.Errorf("%s gave up on %s after too many keys, of: %s; set IdentitiesOnly and IdentityFile for it in ~/.ssh/config", h.address, h.user, offered))
	}
	return nil, fmt.Errorf("logging in to %s: %w", h.address, err)
}

// start starts the server's SFTP and the keep-alive requests.
func (c *conn) start(keepAlive time.Duration) error {
	var err error
	if c.sftp, err = sftp.NewClient(c.ssh); err != nil {
		if strings.Contains(err.Error(), "subsystem request failed") {
			return permanent(errors.New("the server has no SFTP for this user"))
		}
		return fmt.Errorf("starting SFTP: %w", err)
	}
	go func() {
		c.sftp.Wait()
		c.close(nil)
	}()
	go c.watch(keepAlive)
	return nil
}

// A counted connection counts what it reads.
type counted struct {
	net.Conn
	bytes atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}
