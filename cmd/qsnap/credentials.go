package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
)

// credentials are how a target's user shows who they are. What isn't given is
// empty.
type credentials struct{ user, password, token string }

// targetCredentials returns those for a location. The user's name is that of the
// URL, or QSNAP_TARGET_USER; password and token are from the environment. If that
// has neither, all comes from the user's netrc file, as far as that knows the host.
func (p *program) targetCredentials(ctx context.Context, at location) (credentials, error) {
	c := credentials{user: p.getenv("QSNAP_TARGET_USER"), token: p.getenv("QSNAP_TARGET_TOKEN")}
	if at.url != nil && at.url.User.Username() != "" {
		c.user = at.url.User.Username()
	}
	var err error
	switch file, command := p.getenv("QSNAP_TARGET_PASSWORD_FILE"), p.getenv("QSNAP_TARGET_PASSWORD_COMMAND"); {
	case p.getenv("QSNAP_TARGET_PASSWORD") != "":
		c.password = p.getenv("QSNAP_TARGET_PASSWORD")
	case file != "":
		c.password, err = lineFromFile(file)
	case command != "":
		c.password, err = p.lineFromCommand(ctx, command)
	}
	if err != nil || c.password != "" || c.token != "" {
		return c, err
	}
	return p.netrcCredentials(at, c)
}

// netrcCredentials completes credentials from the user's netrc file.
func (p *program) netrcCredentials(at location, c credentials) (credentials, error) {
	if at.url == nil || at.url.Hostname() == "" {
		return c, nil
	}
	name, text, err := p.readNetrc()
	if err != nil || name == "" {
		return c, err
	}
	entries, err := parseNetrc(text)
	if err != nil {
		return c, fmt.Errorf("%s: %w", name, err)
	}
	e, ok := findNetrc(entries, at.url.Hostname(), net.JoinHostPort(at.url.Hostname(), at.url.Port()), c.user)
	if !ok {
		return c, nil
	}
	if c.user == "" {
		c.user = e.login
	}
	if c.password = e.password; c.password != "" {
		p.warnReadable(name)
	}
	return c, nil
}

// readNetrc returns the name and text of the file that NETRC names, or else the one
// in the home directory, or nothing if that isn't there.
func (p *program) readNetrc() (name, text string, err error) {
	if name = p.getenv("NETRC"); name != "" {
		b, err := os.ReadFile(name)
		return name, string(b), err
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", "", nil // who has no home has no such file
	}
	names := []string{".netrc"}
	if runtime.GOOS == "windows" {
		names = append(names, "_netrc")
	}
	for _, name := range names {
		name = filepath.Join(home, name)
		b, err := os.ReadFile(name)
		if !errors.Is(err, fs.ErrNotExist) {
			return name, string(b), err
		}
	}
	return "", "", nil
}

// warnReadable warns of a file with a password that others can read.
func (p *program) warnReadable(name string) {
	info, err := os.Stat(name)
	if err == nil && runtime.GOOS != "windows" && info.Mode()&0o077 != 0 {
		p.warn("%s has a password in it, and others can read it: chmod 600 %[1]s", name)
	}
}
