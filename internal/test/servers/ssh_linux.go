package servers

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"os/user"
	"strings"
	"sync"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// newKey writes a new private key to a file of the server's directory.
func (s *Server) newKey(name string) (path string, signer ssh.Signer) {
	s.t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	s.check(err)
	block, err := ssh.MarshalPrivateKey(key, "")
	s.check(err)
	path = s.write(name, string(pem.EncodeToMemory(block)))
	s.check(os.Chmod(path, 0o600))
	signer, err = ssh.NewSignerFromKey(key)
	s.check(err)
	return path, signer
}

// keys makes the keys of both sides.
func (s *Server) keys() (hostFile string, host, login ssh.Signer) {
	s.t.Helper()
	hostFile, host = s.newKey("host_key")
	s.KeyFile, login = s.newKey("id_ed25519")
	s.HostKey = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(host.PublicKey())))
	me, err := user.Current()
	s.check(err)
	s.User, s.Password = me.Username, ""
	s.url = "sftp://" + s.User + "@ADDR" + s.Root + "/STORE"
	return hostFile, host, login
}

// openSSH is an sshd. Its sessions have no privileges but the user's.
func openSSH(s *Server) {
	hostFile, _, login := s.keys()
	if os.Geteuid() == 0 { // sshd's own, which the system makes when it starts it
		s.check(os.MkdirAll("/run/sshd", 0o755))
	}
	authorized := s.write("authorized_keys", string(ssh.MarshalAuthorizedKey(login.PublicKey())))
	s.run("-D", "-e", "-f", s.write("sshd_config", strings.Join([]string{
		"Port " + s.port(), "ListenAddress 127.0.0.1", "HostKey " + hostFile, "PidFile none",
		"AuthorizedKeysFile " + authorized, "StrictModes no", "PermitRootLogin yes", "UsePAM no",
		"PasswordAuthentication no", "KbdInteractiveAuthentication no", "MaxStartups 100",
		// Not the program beside sshd, which the user's shell would start, after all that
		// its own start-up files ask for.
		"Subsystem sftp internal-sftp",
	}, "\n")+"\n"))
}

// goSSH is an SSH server of the Go project's package, with the SFTP server of
// pkg/sftp.
func goSSH(s *Server) {
	_, host, login := s.keys()
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(login.PublicKey().Marshal()) {
			return nil, errors.New("unknown key")
		}
		return nil, nil
	}}
	config.AddHostKey(host)
	l := s.listen()
	var mu sync.Mutex
	conns := map[net.Conn]bool{}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns[c] = true
			mu.Unlock()
			all.Go(func() { serveSSH(c, config) })
		}
	})
	s.t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for c := range conns {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
}

// serveSSH serves a connection, whose sessions can be for SFTP only.
func serveSSH(c net.Conn, config *ssh.ServerConfig) {
	defer c.Close()
	conn, channels, requests, err := ssh.NewServerConn(c, config)
	if err != nil {
		return
	}
	defer conn.Close()
	go ssh.DiscardRequests(requests)
	var sessions sync.WaitGroup
	defer sessions.Wait()
	for ch := range channels {
		session, requests, err := ch.Accept()
		if err != nil {
			return
		}
		sessions.Go(func() {
			defer session.Close()
			for r := range requests {
				r.Reply(r.Type == "subsystem", nil)
				if r.Type == "subsystem" {
					break
				}
			}
			go ssh.DiscardRequests(requests)
			if server, err := sftp.NewServer(session); err == nil {
				server.Serve()
			}
		})
	}
}
