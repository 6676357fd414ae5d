package sftp

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// A location is a parsed URL.
type location struct {
	user string // or empty
	host string // a host's name or address, or an alias for it; case-sensitive
	port string // or empty
	path string // clean; relative to the home directory if home
	home bool
}

var errURL = errors.New("not an SFTP URL: it should look like sftp://user@host:port/path")

// parseURL parses a URL. Its errors don't quote any of it: it may contain a password.
func parseURL(text string) (location, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "sftp" || u.Opaque != "" || u.Host == "" {
		return location{}, errURL
	}
	if _, ok := u.User.Password(); ok {
		return location{}, errors.New("the SFTP URL has a password, which is not supported: use an SSH agent or a key file")
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return location{}, errors.New("the SFTP URL has a ? or #: write %3F or %23 in a path")
	}
	l := location{user: u.User.Username(), host: u.Hostname(), port: u.Port()}
	if err := errors.Join(validHost(l.host), validUser(l.user), validPort(l.port)); err != nil {
		return location{}, errURL
	}
	rest := strings.TrimLeft(u.Path, "/")
	first, _, _ := strings.Cut(rest, "/")
	switch {
	case u.Path == "":
		return location{}, errors.New("the SFTP URL names no directory: write sftp://host/path, or sftp://host/~/path below the home directory")
	case strings.ContainsRune(u.Path, 0):
		return location{}, errURL
	case first == "~" || first == ".":
		l.home = true
		l.path = path.Clean("./" + rest[1:])
	default:
		l.path = path.Clean("/" + rest)
	}
	return l, nil
}

// String returns a URL that parseURL parses to the same location.
func (l location) String() string {
	u := url.URL{Scheme: "sftp", Host: l.host, Path: l.path}
	if l.user != "" {
		u.User = url.User(l.user)
	}
	if strings.Contains(l.host, ":") {
		u.Host = "[" + l.host + "]"
	}
	if l.port != "" {
		u.Host = net.JoinHostPort(l.host, l.port)
	}
	if l.home {
		u.Path = strings.TrimSuffix("/~/"+l.path, "/.")
	}
	return u.String()
}

// validHost refuses what can't be a host's name, and what might have a meaning in a shell
// or on a command line.
func validHost(host string) error {
	if host == "" || host[0] == '-' || strings.ContainsFunc(host, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune("'`\"$\\;&<>|(){}[]/@,", r)
	}) {
		return errors.New("not a host's name")
	}
	if strings.ContainsAny(host, ":%") {
		_, err := netip.ParseAddr(host)
		return err
	}
	return nil
}

// validUser does the same for a user's name, which may be empty.
func validUser(user string) error {
	if strings.HasPrefix(user, "-") || strings.HasSuffix(user, "\\") || strings.ContainsFunc(user, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune("'`\";&<>|(){}", r)
	}) {
		return errors.New("not a user's name")
	}
	return nil
}

func validPort(port string) error {
	if port == "" {
		return nil
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || port[0] == '0' {
		return errors.New("not a port")
	}
	return nil
}
