// Package sftp keeps a repository's objects on a server that is reached over SSH,
// with what an account for file transfer offers: SFTP version 3
// (draft-ietf-secsh-filexfer-02) and OpenSSH's extensions of it (its file PROTOCOL).
//
//	t, err := sftp.Open(ctx, sftp.Options{URL: "sftp://backup@nas:2222/srv/app"})
//
// # URLs
//
//	sftp://user@host:port/srv/app    the directory /srv/app
//	sftp://host/~/app                app, below the home directory
//	sftp://host/./app                the same
//
// A path is absolute, as everywhere in URLs. (In restic's, one slash means the home
// directory and two the root: two mean the root here too.) Host may be a name of
// ~/.ssh/config or /etc/ssh/ssh_config: HostName, Port, User, IdentityFile,
// IdentitiesOnly, IdentityAgent, UserKnownHostsFile, GlobalKnownHostsFile,
// HostKeyAlias, ProxyJump, ProxyCommand, Include and Match are heeded, as
// ssh_config(5) describes them, but for Match blocks with exec, final, canonical
// and the like, which never apply. A password in a URL is refused.
//
// # Who is who
//
// The server must show a host key that known_hosts has for it, whatever
// StrictHostKeyChecking says, or a certificate of an authority there; any other is
// a *HostKeyError. The user is known by a key: of an agent, or of a file, for which
// Options.Passphrase is asked if it is needed. Passwords are not supported.
//
// # Create-only
//
// An object is written to a new file below tmp/sftp/, its size is checked, and then
// it is linked to its name (hardlink@openssh.com), which link(2) refuses for a name
// that exists. OpenSSH's plain rename does the same two system calls, but falls back
// to looking and renaming, which is a race, where a file system has no hard links.
// A server without that extension gets the plain rename. posix-rename@openssh.com
// would replace objects and is never used.
//
// Before its first Put a target tries this on the server, once: naming a file as an
// existing one must fail and keep both. Where it doesn't, or where hard links are
// offered but don't work, every Put is an error, which says so: a repository there
// would not be safe. What one client can't see is a server without hard links whose
// rename looks first and then replaces: of one without hard links CreateOnly is false.
// targettest.Check, which races, may find it.
//
// # Durability
//
// Where the server has fsync@openssh.com, a file is synced before it gets its name,
// and so is the directory afterwards, if the server lets it be opened (OpenSSH
// does). Elsewhere an object is as durable as the server makes a file that is
// closed; not many servers other than OpenSSH's have the extension.
//
// What a lost connection leaves below tmp/sftp/ is removed by the next Put, and what
// a crash leaves by the first Put of a later target, when it is a day old by the
// server's own clock. Files and directories get the modes of the account's umask.
//
// # Connections and errors
//
// Each operation has one of a few connections to itself; a reader returned by Get
// holds none between its reads, of 4 MiB. A connection that breaks fails what it is
// used for, and the next operation makes a new one. Nothing is tried twice: after an
// error other than fs.ErrExist and fs.ErrNotExist an object may be there or not.
// An error has a method Temporary() bool, found by errors.As, where trying again may
// help; wrong keys, unknown hosts, missing permission, a full or read-only disk are
// not temporary.
//
// When a context ends, its operation gets 300 ms to end tidily; then its connection
// is closed. Keep-alive requests find a dead peer within twice Options.KeepAlive. A
// server that answers these, but no request for a file, is waited for until the
// context ends.
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

// Options say where a target is and how it is reached.
type Options struct {
	// URL is sftp://user@host:port/path, as the package doc has it.
	URL string
	// Create makes the directory, with its parents, if it isn't there.
	Create bool

	// KeyFiles are private keys to log in with, after those of the agent. By default
	// IdentityFile of the configuration, or else ~/.ssh/id_ed25519, id_ecdsa and
	// id_rsa, as far as they are there.
	KeyFiles []string
	// Passphrase returns that of a key file, when the server accepts the key. It is
	// called again after a wrong one only for the next connection. Without it,
	// encrypted key files are left out.
	Passphrase func(keyFile string) ([]byte, error)
	// Agent is the socket of an SSH agent, or "none". By default IdentityAgent of the
	// configuration, or else $SSH_AUTH_SOCK.
	Agent string

	// KnownHosts are files with host keys. By default those of the configuration, or
	// else ~/.ssh/known_hosts, ~/.ssh/known_hosts2, /etc/ssh/ssh_known_hosts and
	// /etc/ssh/ssh_known_hosts2. Files that aren't there are empty.
	KnownHosts []string
	// ConfigFiles are read in this order. By default ~/.ssh/config and
	// /etc/ssh/ssh_config; an empty, non-nil slice means none.
	ConfigFiles []string

	// Connections is how many operations can run at once, each on a connection of its
	// own. The default is 4.
	Connections int
	// Timeout is how long connecting may take, without the time for which Passphrase
	// thinks. The default is 30 s.
	Timeout time.Duration
	// KeepAlive is how often a server is asked whether it is there. One from which
	// nothing comes until the next time is dead. The default is 15 s.
	KeepAlive time.Duration
}

// A Target is a directory on a server. It implements target.Target and
// target.SpaceReporter, and must be closed. A body given to Put must not use the target: it
// could wait for a connection that Put holds.
type Target struct {
	url  string // for messages
	root string // absolute, on the server
	pool *pool

	naming naming // how objects get their names here

	mu      sync.Mutex
	made    map[string]bool // directories that are durable
	orphans []string        // temporary files whose connection was lost
}

// Open connects to a server and returns the target in an existing directory, or in
// a new one with Options.Create. A directory that isn't there is fs.ErrNotExist; a
// host key that isn't known is a *HostKeyError.
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

// Close ends all connections. Operations that are under way fail.
func (t *Target) Close() error {
	t.pool.close()
	return nil
}

// String returns the URL, for messages. It has no secrets.
func (t *Target) String() string { return t.url }

// where names an object in messages.
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
		return "", permanent(errors.New("object name \"" + name + "\": " + tmpDir + " is set aside"))
	}
	return path.Join(t.root, name), nil
}

// do runs an operation on a connection of its own, which is closed if it fails in
// a way that leaves doubt about it, or if the context ends.
func (t *Target) do(ctx context.Context, op, name string, f func(*conn) error) error {
	c, err := t.pool.get(ctx)
	if err == nil {
		err = c.run(ctx, f)
		t.pool.put(c, answered(err))
	}
	return explain(ctx, op, t.where(name), err)
}
