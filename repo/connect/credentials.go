package connect

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

// Credentials are how a target's user logs in. What isn't known is empty.
type Credentials struct{ User, Password, Token string }

// String returns the user's name: printing Credentials shows no secret.
func (c Credentials) String() string { return c.User }

// Credentials returns those for an endpoint. The user's name is that of the URL, of the
// Config, or QSNAP_TARGET_USER. Password and token are those of the Config, or else of the
// environment. If that has neither, all comes from the user's netrc file, as far as that
// knows the host.
func (e Endpoint) Credentials(ctx context.Context) (Credentials, error) {
	c, err := e.credentials(ctx)
	return c, badConfig(err)
}

func (e Endpoint) credentials(ctx context.Context) (Credentials, error) {
	getenv := e.Config.Getenv
	c := Credentials{e.Config.User, e.Config.Password, e.Config.Token}
	if c.User == "" {
		c.User = getenv("QSNAP_TARGET_USER")
	}
	if e.URL != nil && e.URL.User.Username() != "" {
		c.User = e.URL.User.Username()
	}
	if c.Password != "" || c.Token != "" {
		return c, nil
	}
	c.Token = getenv("QSNAP_TARGET_TOKEN")
	var err error
	switch file, command := getenv("QSNAP_TARGET_PASSWORD_FILE"), getenv("QSNAP_TARGET_PASSWORD_COMMAND"); {
	case getenv("QSNAP_TARGET_PASSWORD") != "":
		c.Password = getenv("QSNAP_TARGET_PASSWORD")
	case file != "":
		c.Password, err = passwordInFile(file)
	case command != "":
		c.Password, err = passwordOfCommand(ctx, command, e.Config.Stderr)
	}
	if err != nil || c.Password != "" || c.Token != "" {
		return c, err
	}
	return e.netrcCredentials(c)
}

// netrcCredentials completes credentials from the user's netrc file.
func (e Endpoint) netrcCredentials(c Credentials) (Credentials, error) {
	if e.URL == nil || e.URL.Hostname() == "" {
		return c, nil
	}
	name, text, err := readNetrc(e.Config.Getenv("NETRC"))
	if err != nil || name == "" {
		return c, err
	}
	entries, err := parseNetrc(text)
	if err != nil {
		return c, fmt.Errorf("%s: %w", name, err)
	}
	found, ok := findNetrc(entries, e.URL.Hostname(), net.JoinHostPort(e.URL.Hostname(), e.URL.Port()), c.User)
	if !ok {
		return c, nil
	}
	if c.User == "" {
		c.User = found.login
	}
	if c.Password = found.password; c.Password != "" && othersCanRead(name) {
		e.Config.Warn(fmt.Errorf("%s has a password in it, and others can read it: chmod 600 %[1]s", name))
	}
	return c, nil
}

// readNetrc returns the name and text of the file of this name or else, if that is empty,
// of the one in the home directory, or nothing if that isn't there.
func readNetrc(name string) (found, text string, err error) {
	if name != "" {
		b, err := os.ReadFile(name)
		return name, string(b), err
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", "", nil // without a home there is no such file
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

// othersCanRead reports whether other users of this machine can read a file.
func othersCanRead(name string) bool {
	info, err := os.Stat(name)
	return err == nil && runtime.GOOS != "windows" && info.Mode()&0o077 != 0
}
