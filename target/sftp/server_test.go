package sftp

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// A server is an SSH server in this process. The fields that are functions may be
// nil, and are set before start.
type server struct {
	t       testing.TB
	dir     string // that SFTP may be asked for
	home    string // of the client: keys and known hosts are below .ssh
	hostKey []ssh.Signer
	login   ssh.PublicKey
	address string

	handlers  *sftp.Handlers            // instead of the file system
	sniff     func(c net.Conn) net.Conn // wraps the server's end
	noSFTP    bool
	passwords bool
	silent    atomic.Bool // read nothing more

	logins   atomic.Int64
	mu       sync.Mutex
	conns    map[net.Conn]bool
	forwards atomic.Int64 // connections made for ProxyJump
}

func newKey(t testing.TB) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// writeKey writes a new private key to a file, encrypted if there is a passphrase.
func writeKey(t testing.TB, name, passphrase string) ssh.PublicKey {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(key, "")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, name, string(pem.EncodeToMemory(block)))
	k, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func writeFile(t testing.TB, name, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// newHome makes a home directory for a client, and is its environment.
func newHome(t testing.TB) string {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("SSH_AUTH_SOCK", "")
	return home
}

// newServer returns a server that the client in a new home directory knows, and
// that knows the client.
func newServer(t testing.TB) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir(), home: newHome(t), hostKey: []ssh.Signer{newKey(t)}, conns: map[net.Conn]bool{}}
	s.login = writeKey(t, filepath.Join(s.home, ".ssh", "id_ed25519"), "")
	return s
}

// start listens, until the test ends.
func (s *server) start() *server {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.address = l.Addr().String()
	known := filepath.Join(s.home, ".ssh", "known_hosts")
	text, err := os.ReadFile(known)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.t.Fatal(err)
	}
	writeFile(s.t, known, string(text)+knownhosts.Line([]string{s.address}, s.hostKey[0].PublicKey())+"\n")
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns[c] = true
			s.mu.Unlock()
			wg.Go(func() { s.serve(c) })
		}
	})
	s.t.Cleanup(func() {
		l.Close()
		s.drop()
		wg.Wait()
	})
	return s
}

// show makes these the host keys of later connections.
func (s *server) show(keys ...ssh.Signer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hostKey = keys
}

// drop breaks all connections.
func (s *server) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
	clear(s.conns)
}

// options reach the server's directory.
func (s *server) options() Options {
	return Options{URL: "sftp://me@" + s.address + s.dir, Connections: 4, KeepAlive: time.Minute}
}

func (s *server) open(change ...func(*Options)) *Target {
	s.t.Helper()
	o := s.options()
	for _, f := range change {
		f(&o)
	}
	t, err := Open(s.t.Context(), o)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { t.Close() })
	return t
}

// silenced reads nothing while the server is silent.
type silenced struct {
	net.Conn
	s *server
}

func (c silenced) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	for c.s.silent.Load() && err == nil {
		n, err = c.Conn.Read(p) // until the client gives up
	}
	return n, err
}

func (s *server) serve(c net.Conn) {
	defer c.Close()
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if s.login == nil || string(key.Marshal()) != string(s.login.Marshal()) {
			return nil, errors.New("unknown key")
		}
		return nil, nil
	}}
	if s.passwords {
		config.PublicKeyCallback = nil
		config.PasswordCallback = func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) { return nil, nil }
	}
	s.mu.Lock()
	for _, k := range s.hostKey {
		config.AddHostKey(k)
	}
	s.mu.Unlock()
	if s.sniff != nil {
		c = s.sniff(c)
	}
	conn, channels, requests, err := ssh.NewServerConn(silenced{c, s}, config)
	if err != nil {
		return
	}
	s.logins.Add(1)
	go func() {
		for r := range requests {
			r.Reply(false, nil)
		}
	}()
	var wg sync.WaitGroup
	for ch := range channels {
		switch ch.ChannelType() {
		case "session":
			wg.Go(func() { s.session(ch) })
		case "direct-tcpip":
			wg.Go(func() { s.forward(ch) })
		default:
			ch.Reject(ssh.UnknownChannelType, "")
		}
	}
	conn.Close()
	wg.Wait()
}

func (s *server) session(ch ssh.NewChannel) {
	c, requests, err := ch.Accept()
	if err != nil {
		return
	}
	defer c.Close()
	for r := range requests {
		ok := r.Type == "subsystem" && !s.noSFTP
		r.Reply(ok, nil)
		if !ok {
			continue
		}
		go ssh.DiscardRequests(requests)
		if s.handlers != nil {
			sftp.NewRequestServer(c, *s.handlers, sftp.WithStartDirectory(s.dir)).Serve()
			return
		}
		fs, err := sftp.NewServer(c, sftp.WithServerWorkingDirectory(s.dir))
		if err == nil {
			fs.Serve()
		}
		return
	}
}

func (s *server) forward(ch ssh.NewChannel) {
	var to struct {
		Host   string
		Port   uint32
		Origin string
		From   uint32
	}
	if err := ssh.Unmarshal(ch.ExtraData(), &to); err != nil {
		ch.Reject(ssh.ConnectionFailed, "bad request")
		return
	}
	out, err := net.Dial("tcp", net.JoinHostPort(to.Host, fmt.Sprint(to.Port)))
	if err != nil {
		ch.Reject(ssh.ConnectionFailed, "no\x1b[2Jway\n")
		return
	}
	defer out.Close()
	c, requests, err := ch.Accept()
	if err != nil {
		return
	}
	defer c.Close()
	s.forwards.Add(1)
	go ssh.DiscardRequests(requests)
	go func() {
		io.Copy(out, c)
		out.Close()
	}()
	io.Copy(c, out)
}

// isTemporary reports what a caller that would try again sees.
func isTemporary(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](err)
	return ok && t.Temporary()
}

// saysInOneLine fails unless an error is one line that has all the words.
func saysInOneLine(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Error("no error")
		return
	}
	if strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("more than a line, or not for a terminal: %q", err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%v: it does not say %q", err, word)
		}
	}
}
