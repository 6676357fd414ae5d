package sftp

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh/knownhosts"
)

// proxyTo makes the test's program a ProxyCommand.
const proxyTo = "SFTP_TEST_PROXY_TO"

func TestMain(m *testing.M) {
	if address := os.Getenv(proxyTo); address != "" {
		c, err := net.Dial("tcp", address)
		if err != nil {
			panic(err)
		}
		go io.Copy(c, os.Stdin)
		io.Copy(os.Stdout, c)
		return
	}
	os.Exit(m.Run())
}

// beside returns a server that the same client knows by its own host key, and whose
// hosts can be named in the configuration.
func (s *server) beside(t *testing.T) *server {
	t.Helper()
	other := &server{t: t, dir: t.TempDir(), home: s.home, hostKey: nil, login: s.login, conns: map[net.Conn]bool{}}
	other.hostKey = append(other.hostKey, newKey(t))
	return other.start()
}

// withConfig opens a URL with a configuration file.
func withConfig(t *testing.T, url, config string) (*Target, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	writeFile(t, file, config)
	tgt, err := Open(t.Context(), Options{URL: url, ConfigFiles: []string{file}, Timeout: 10 * time.Second})
	if err == nil {
		t.Cleanup(func() { tgt.Close() })
	}
	return tgt, err
}

func hostPort(address string) string {
	host, port, _ := net.SplitHostPort(address)
	return "HostName " + host + "\nPort " + port + "\n"
}

func TestAServerIsReachedThroughOthers(t *testing.T) {
	s := newServer(t).start()
	one, two := s.beside(t), s.beside(t)
	config := "Host backup\nProxyJump one,you@" + two.address + "\n" + hostPort(s.address) + "Host one\n" + hostPort(one.address) + "Host *\nUser me\n"
	tgt, err := withConfig(t, "sftp://backup"+s.dir, config)
	if err != nil {
		t.Fatal(err)
	}
	if err := put(tgt, "object", "content"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "object")); err != nil {
		t.Error(err)
	}
	if one.forwards.Load() != 1 || two.forwards.Load() != 1 {
		t.Errorf("%d and %d connections were forwarded", one.forwards.Load(), two.forwards.Load())
	}

	one.drop()
	<-tgt.pool.idle[0].closed
	if _, err := tgt.Stat(t.Context(), "object"); err != nil {
		t.Errorf("after the first hop broke: %v", err)
	}
	s.silent.Store(true)
	defer s.silent.Store(false)
	c := tgt.pool.idle[0]
	c.close(nil) // the wire is that to the first hop
	if _, err := c.sftp.Lstat("/"); err == nil {
		t.Error("what was reached through the first hop still answers")
	}
}

func TestEveryHostOnTheWayMustBeKnown(t *testing.T) {
	s := newServer(t).start()
	jump := s.beside(t)
	writeFile(t, filepath.Join(s.home, ".ssh", "known_hosts"), knownhosts.Line([]string{s.address}, s.hostKey[0].PublicKey()))
	_, err := withConfig(t, "sftp://backup"+s.dir, "Host backup\nProxyJump "+jump.address+"\n"+hostPort(s.address)+"Host *\nUser me\n")
	saysInOneLine(t, err, "host key of "+knownhosts.Normalize(jump.address)+" is not known")
}

func TestJumpsThatCannotBeAreNamed(t *testing.T) {
	s := newServer(t).start()
	jump := s.beside(t)
	nowhere, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nowhere.Close()
	for config, want := range map[string]string{
		"Host backup\nProxyJump one\nHost one\nProxyJump backup": "in a circle",
		"Host backup\nProxyJump user:pw@host":                    "ProxyJump of backup is not a list of [user@]host[:port]",
		"Host backup\nProxyJump a,,b":                            "ProxyJump of backup is not a list",
		"Host backup\nHostName $(touch /tmp/x)":                  "these can't be right",
		"Host backup\nHostName %k":                               "%k is not supported here",
		"Host backup\nPort ssh":                                  "these can't be right",
		"User me\nHost backup\nProxyJump " + jump.address + "\n" + hostPort(nowhere.Addr().String()): "connecting from " + jump.address + " to " + nowhere.Addr().String(),
	} {
		_, err := withConfig(t, "sftp://backup/x", config)
		saysInOneLine(t, err, want)
	}
}

func TestAServerIsReachedThroughACommand(t *testing.T) {
	s := newServer(t).start()
	t.Setenv(proxyTo, s.address)
	config := "Host backup\nHostName 127.0.0.1\nPort " + strings.TrimPrefix(s.address, "127.0.0.1:") + "\nProxyCommand '" + os.Args[0] + "' %h %p %r %n %%\n"
	tgt, err := withConfig(t, "sftp://me@backup"+s.dir, config)
	if err != nil {
		t.Fatal(err)
	}
	if err := put(tgt, "object", "content"); err != nil {
		t.Fatal(err)
	}
	first := tgt.pool.idle[0]
	command := first.wire.Conn.(*commandConn)
	s.drop()
	<-first.closed
	<-command.ended
	if got, err := get(tgt, "object"); got != "content" || err != nil {
		t.Errorf("after the command ended: read %q, %v", got, err)
	}
	command = tgt.pool.idle[0].wire.Conn.(*commandConn)
	tgt.Close()
	<-command.ended
}

func TestWhatAProxyCommandSaysIsReported(t *testing.T) {
	newHome(t)
	_, err := withConfig(t, "sftp://me@backup/x", "ProxyCommand sh -c 'echo no route to %h >&2; exit 1'")
	saysInOneLine(t, err, `ProxyCommand says "no route to backup"`)
	if !isTemporary(err) {
		t.Error("the error is not temporary")
	}
	_, err = withConfig(t, "sftp://me@backup/x", "ProxyCommand /nonexistent/program")
	saysInOneLine(t, err, "ProxyCommand says", "/nonexistent/program")
	if errors.Is(err, fs.ErrNotExist) {
		t.Error("a missing program looks like a missing directory")
	}
}
