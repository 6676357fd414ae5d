package servers

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// A Kind is a sort of servers.
type Kind struct {
	Name string
	HTTP bool // it speaks HTTP, in the clear
	Real bool // it has processes of its own, which can be killed

	program string // that a real one is
	start   func(s *Server)
}

// Kinds returns all there are: first those without an address or a process of their
// own. rclone-remote is one: the program runs that itself.
func Kinds() []Kind {
	return []Kind{
		{Name: "go-webdav", HTTP: true, start: goWebDAV},
		{Name: "gofakes3", HTTP: true, start: fakeS3},
		{Name: "go-ssh", start: goSSH},
		{Name: "rclone-remote", program: "rclone", start: rcloneRemote},
		{Name: "apache", HTTP: true, Real: true, program: "/usr/sbin/apache2", start: apache},
		{Name: "nginx", HTTP: true, Real: true, program: "/usr/sbin/nginx", start: nginx},
		{Name: "rclone", HTTP: true, Real: true, program: "rclone", start: rclone},
		{Name: "openssh", Real: true, program: "/usr/sbin/sshd", start: openSSH},
		{Name: "versitygw", HTTP: true, Real: true, program: "versitygw", start: versityGW},
	}
}

// A Server runs until its test ends.
type Server struct {
	Kind
	Addr string // host:port, if it has one
	Root string // the directory that a real one keeps objects in
	// User and Password are who may use it: with S3 the two keys. With SSH it is the
	// key in KeyFile, and HostKey is the line of known_hosts without the host.
	User, Password   string
	KeyFile, HostKey string

	t       testing.TB
	dir     string // its own
	url     string // for the program, with ADDR and STORE in it
	store   string
	command []string
	env     []string // of its process
	cmd     *exec.Cmd
	ended   chan struct{}
}

// Start starts a server of this kind. Its store is empty.
func (k Kind) Start(t testing.TB) *Server {
	t.Helper()
	if k.program != "" {
		k.program = program(t, k.program)
	}
	s := &Server{Kind: k, t: t, dir: newDir(t), store: "hosts/web1"}
	s.Root = filepath.Join(s.dir, "root")
	for _, dir := range []string{s.Root, filepath.Join(s.dir, "tmp")} {
		s.check(os.Mkdir(dir, 0o777))
		s.check(os.Chmod(dir, 0o777)) // servers have users of their own
	}
	s.User, s.Password = "ann", secret()
	k.start(s)
	return s
}

// program finds a program. QSNAP_VERSITYGW may say where versitygw is.
func program(t testing.TB, name string) string {
	t.Helper()
	if os.Getenv("QSNAP_TEST_SERVERS") != "required" {
		t.Skipf("not tested with %s: QSNAP_TEST_SERVERS=required does it, as in .ci/servers", name)
	}
	if name == "versitygw" && os.Getenv("QSNAP_VERSITYGW") != "" {
		name = os.Getenv("QSNAP_VERSITYGW")
	}
	found, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing, and QSNAP_TEST_SERVERS requires it: %v", name, err)
	}
	return found
}

// newDir makes a directory that all users can reach.
func newDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "qsnap-server-*")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// secret returns a password that has to be quoted in most places.
func secret() string {
	var b [8]byte
	rand.Read(b[:])
	return `s "` + hex.EncodeToString(b[:])
}

func (s *Server) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%s: %v", s.Name, err)
	}
}

// write writes a file in the server's own directory and returns its path.
func (s *Server) write(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	s.check(os.WriteFile(path, []byte(text), 0o644))
	return path
}

// listen returns a listener for a server in this process.
func (s *Server) listen() net.Listener {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.check(err)
	s.Addr = l.Addr().String()
	return l
}

// port finds an address for a process to listen at. It is none of those that the system
// gives to whoever asks for any: until the process listens, others do that.
func (s *Server) port() string {
	s.t.Helper()
	for {
		port := strconv.Itoa(20_000 + mathrand.IntN(12_000))
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		s.check(err)
		s.Addr = l.Addr().String()
		s.check(l.Close())
		return port
	}
}
