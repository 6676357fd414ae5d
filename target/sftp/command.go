package sftp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// A commandConn is a connection through a ProxyCommand: its input and output.
type commandConn struct {
	output io.ReadCloser
	input  io.WriteCloser
	cmd    *exec.Cmd
	once   sync.Once
	ended  chan struct{}
	errors headline
}

// startCommand runs a ProxyCommand like OpenSSH: in a shell that the command replaces, so
// that it can be killed.
func startCommand(command string) (net.Conn, error) {
	if runtime.GOOS == "windows" {
		return nil, permanent(errors.New("ProxyCommand is not supported on Windows: use ProxyJump"))
	}
	c := &commandConn{cmd: exec.Command("/bin/sh", "-c", "exec "+command), ended: make(chan struct{})}
	c.cmd.Stderr = &c.errors
	c.cmd.WaitDelay = time.Second // for processes that the command leaves running
	var err error
	if c.input, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if c.output, err = c.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *commandConn) Read(p []byte) (int, error)  { return c.output.Read(p) }
func (c *commandConn) Write(p []byte) (int, error) { return c.input.Write(p) }

// Close kills the command.
func (c *commandConn) Close() error {
	c.once.Do(func() {
		c.cmd.Process.Kill() // fails if it has ended
		c.input.Close()
		c.output.Close()
		go func() {
			c.cmd.Wait() // reports only that it was killed
			close(c.ended)
		}()
	})
	return nil
}

// explain adds the command's error output to an error, after Close.
func (c *commandConn) explain(err error) error {
	<-c.ended
	if said := bytes.TrimSpace(c.errors); len(said) > 0 {
		return fmt.Errorf("%w (ProxyCommand says %q)", err, said)
	}
	return err
}

// A headline keeps the beginning of what is written to it.
type headline []byte

func (h *headline) Write(p []byte) (int, error) {
	*h = append(*h, p[:min(len(p), 200-len(*h))]...)
	return len(p), nil
}

// The rest of net.Conn, which SSH does not use.

type commandAddr struct{}

func (commandAddr) Network() string { return "command" }
func (commandAddr) String() string  { return "ProxyCommand" }

func (*commandConn) LocalAddr() net.Addr              { return commandAddr{} }
func (*commandConn) RemoteAddr() net.Addr             { return commandAddr{} }
func (*commandConn) SetDeadline(time.Time) error      { return nil }
func (*commandConn) SetReadDeadline(time.Time) error  { return nil }
func (*commandConn) SetWriteDeadline(time.Time) error { return nil }
