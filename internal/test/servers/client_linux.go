package servers

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// KnownHosts returns the line of known_hosts for the server at an address, such as
// that of a proxy before it.
func (s *Server) KnownHosts(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	s.check(err)
	return fmt.Sprintf("[%s]:%s %s\n", host, port, s.HostKey)
}

// URL returns how the program names a store on the server that is reached at an
// address: the server's own, or that of a proxy.
func (s *Server) URL(addr string) string {
	return strings.NewReplacer("ADDR", addr, "STORE", s.store).Replace(s.url)
}

// At returns the server with another store on it, which is empty at first.
func (s Server) At(store string) *Server {
	s.store = store
	return &s
}

// Environ writes what the program looks for in a home directory, and returns the
// variables that it needs beside HOME, for a server reached at these addresses.
func (s *Server) Environ(home string, addrs ...string) []string {
	s.t.Helper()
	switch {
	case strings.HasPrefix(s.url, "s3:"):
		return []string{"AWS_ACCESS_KEY_ID=" + s.User, "AWS_SECRET_ACCESS_KEY=" + s.Password}
	case strings.HasPrefix(s.url, "rclone:"):
		return []string{"RCLONE_CONFIG=" + filepath.Join(s.dir, "none")}
	case s.KeyFile == "":
		return []string{"QSNAP_TARGET_USER=" + s.User, "QSNAP_TARGET_PASSWORD=" + s.Password}
	}
	var known string
	for _, addr := range addrs {
		known += s.KnownHosts(addr)
	}
	key, err := os.ReadFile(s.KeyFile)
	s.check(err)
	dir := filepath.Join(home, ".ssh")
	s.check(os.MkdirAll(dir, 0o700))
	s.check(os.WriteFile(filepath.Join(dir, "id_ed25519"), key, 0o600))
	s.check(os.WriteFile(filepath.Join(dir, "known_hosts"), []byte(known), 0o600))
	return nil
}
