// Package sftp stores a repository's objects on a server that is reached over SSH, with
// the features of an account for file transfer: SFTP version 3
// (draft-ietf-secsh-filexfer-02) and OpenSSH's extensions (its file PROTOCOL).
//
//	t, err := sftp.Open(ctx, sftp.Options{URL: "sftp://backup@nas:2222/srv/app"})
//
// # URLs
//
//	sftp://user@host:port/srv/app    the directory /srv/app
//	sftp://host/~/app                app, below the home directory
//	sftp://host/./app                the same
//
// A path is absolute, as in all URLs. (In restic's URLs, one slash means the home
// directory and two the root: here two also mean the root.) Host may be a name of
// ~/.ssh/config or /etc/ssh/ssh_config: HostName, Port, User, IdentityFile,
// IdentitiesOnly, IdentityAgent, UserKnownHostsFile, GlobalKnownHostsFile, HostKeyAlias,
// ProxyJump, ProxyCommand, Include and Match are supported, as described in
// ssh_config(5), except Match blocks with exec, final, canonical and the like, which
// never apply. A password in a URL is refused.
//
// # Authentication
//
// The server must show a host key that known_hosts has for it, whatever
// StrictHostKeyChecking says, or a certificate of an authority there; any other key is a
// *HostKeyError. The user logs in with a key: of an agent, or of a file, for which
// Options.Passphrase is called if needed. Passwords are not supported.
//
// # Create-only puts
//
// An object is written to a new file below tmp/sftp/, and its size is checked. Then the
// file is linked to its name (hardlink@openssh.com), which link(2) refuses if the name
// exists. OpenSSH's plain rename makes the same two system calls, but if a file system
// has no hard links, it falls back to checking and renaming, which is a race. A server
// without that extension gets the plain rename. posix-rename@openssh.com would replace
// objects and is never used.
//
// Before its first Put a target tests this on the server, once: naming a file as an
// existing one must fail and keep both. If it doesn't, or if hard links are offered but
// don't work, every Put is an error, which says so: a repository there would not be safe.
// One client can't detect a server without hard links whose rename checks first and then
// replaces: for a server without hard links CreateOnly is false. targettest.Check, which
// races, may detect it.
//
// # Durability
//
// If the server has fsync@openssh.com, a file is synced before it gets its name, and so
// is the directory afterwards, if the server lets it be opened (OpenSSH does). On other
// servers an object is as durable as any file that the server closes; few servers other
// than OpenSSH's have the extension.
//
// The next Put removes what a lost connection leaves below tmp/sftp/. The first Put of a
// later target removes what a crash leaves, when it is a day old by the server's own
// clock. Files and directories get the modes of the account's umask.
//
// # Connections and errors
//
// Each operation uses one of a few connections exclusively; a reader returned by Get
// holds none between its reads, of 4 MiB. A connection that breaks fails its operation,
// and the next operation makes a new one. Nothing is tried twice: after an error other
// than fs.ErrExist and fs.ErrNotExist an object may exist or not. Errors have a method
// Temporary() bool, found by errors.As, if repeating may help. Wrong keys, unknown hosts,
// missing permission, and a full or read-only disk are not temporary.
//
// When a context ends, its operation gets 300 ms to clean up; then its connection is
// closed. Keep-alive requests detect a dead peer within twice Options.KeepAlive. If a
// server answers these, but no request for a file, the operation waits until the context
// ends.
package sftp

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/qsnap/qsnap/target"
)

// Options say where a target is and how to reach it.
type Options struct {
	// URL is sftp://user@host:port/path, as described in the package doc.
	URL string
	// Create makes the directory and its parents if needed.
	Create bool

	// KeyFiles are private keys to log in with, after those of the agent. The default is
	// IdentityFile of the configuration, or else those of ~/.ssh/id_ed25519, id_ecdsa and
	// id_rsa that exist.
	KeyFiles []string
	// Passphrase returns the passphrase of a key file, when the server accepts the key.
	// After a wrong passphrase it is called again only for the next connection. If it is
	// nil, encrypted key files are not used.
	Passphrase func(keyFile string) ([]byte, error)
	// Agent is the socket of an SSH agent, or "none". The default is IdentityAgent of the
	// configuration, or else $SSH_AUTH_SOCK.
	Agent string

	// KnownHosts are files with host keys. The default is those of the configuration, or
	// else ~/.ssh/known_hosts, ~/.ssh/known_hosts2, /etc/ssh/ssh_known_hosts and
	// /etc/ssh/ssh_known_hosts2. Files that don't exist count as empty.
	KnownHosts []string
	// ConfigFiles are read in this order. The default is ~/.ssh/config and
	// /etc/ssh/ssh_config; an empty, non-nil slice means none.
	ConfigFiles []string

	// Connections is how many operations can run at once, each on a connection of its own.
	// The default is 4.
	Connections int
	// Timeout is how long connecting may take, without the time that Passphrase takes. The
	// default is 30 s.
	Timeout time.Duration
	// KeepAlive is the interval of keep-alive requests. A server from which nothing is
	// received until the next one counts as dead. The default is 15 s.
	KeepAlive time.Duration
}

// A Target is a directory on a server. It implements target.Target and
// target.SpaceReporter, and must be closed. A body given to Put must not use the target: it
// could wait for a connection that Put holds.
type Target struct {
	url  string // for messages
	root string // absolute path on the server
	pool *pool

	naming naming // how objects get their names here

	mu      sync.Mutex
	made    map[string]bool // directories that are durable
	orphans []string        // temporary files whose connection was lost
}

// Open connects to a server and returns the target in an existing directory, or in a new
// one with Options.Create. A directory that doesn't exist is fs.ErrNotExist; an unknown
// host key is a *HostKeyError. The target repeats no failed operation: package
// repo/connect opens one that does.
func Open(ctx context.Context, o Options) (*Target, error) {
	at, err := parseURL(o.URL)
	if err != nil {
		return nil, permanent(err)
	}
	route, err := o.route(at)
	if err != nil {
		return nil, permanent(err)
	}
	d := &dialer{hops: route, timeout: o.Timeout, keepAlive: o.KeepAlive}
	if d.timeout <= 0 {
		d.timeout = 30 * time.Second
	}
	if d.keepAlive <= 0 {
		d.keepAlive = 15 * time.Second
	}
	if o.Connections <= 0 {
		o.Connections = 4
	}
	return open(ctx, at, newPool(o.Connections, d.dial), o.Create)
}

// open returns the target at a location that a pool connects to.
func open(ctx context.Context, at location, p *pool, create bool) (*Target, error) {
	t := &Target{url: at.String(), pool: p, naming: newNaming(), made: map[string]bool{}}
	if err := t.do(ctx, "open", "", func(c *conn) error { return t.findRoot(c, at, create) }); err != nil {
		p.close()
		return nil, err
	}
	return t, nil
}

// findRoot finds the target's directory, or makes it.
func (t *Target) findRoot(c *conn, at location, create bool) error {
	t.root = at.path
	if at.home {
		home, err := c.sftp.RealPath(".")
		if err != nil {
			return err
		}
		t.root = path.Join(home, at.path)
	}
	info, err := c.sftp.Stat(t.root)
	if errors.Is(err, fs.ErrNotExist) && create {
		return makeRoot(c, t.root)
	}
	if err == nil && !info.IsDir() {
		return permanent(errors.New("not a directory"))
	}
	return err
}

// Close ends all connections. Running operations fail.
func (t *Target) Close() error {
	t.pool.close()
	return nil
}

// String returns the URL, for messages. It has no secrets.
func (t *Target) String() string { return t.url }

// where returns the name of an object in messages.
func (t *Target) where(name string) string {
	if name == "" {
		return t.url
	}
	return strings.TrimSuffix(t.url, "/") + "/" + name
}

// path returns the path of an object on the server.
func (t *Target) path(name string) (string, error) {
	if err := target.ValidName(name); err != nil {
		return "", permanent(err)
	}
	if name == tmpDir || strings.HasPrefix(name, tmpDir+"/") {
		return "", permanent(errors.New("object name \"" + name + "\": " + tmpDir + " is reserved"))
	}
	return path.Join(t.root, name), nil
}

// do runs an operation on a connection of its own. It closes the connection if the
// context ends, or if the operation fails in a way that casts doubt on the connection.
func (t *Target) do(ctx context.Context, op, name string, f func(*conn) error) error {
	c, err := t.pool.get(ctx)
	if err == nil {
		err = c.run(ctx, f)
		t.pool.put(c, answered(err))
	}
	return explain(ctx, op, t.where(name), err)
}
