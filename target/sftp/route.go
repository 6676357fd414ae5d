package sftp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"
)

// A hop is a host on the way to the server, or the server itself, with everything needed
// to log in.
type hop struct {
	alias   string // the user's name for it, for messages
	address string // host:port
	user    string
	connect func(context.Context) (net.Conn, error) // set for the first hop
	known   *knownHosts
	ids     *identities
}

// maxHops limits how many hosts are reached through each other.
const maxHops = 8

// A router finds the way to a host in the user's configuration.
type router struct {
	Options
	localUser, uid, home string
}

// route returns the hosts to connect through; the last one is the server.
func (o Options) route(at location) ([]*hop, error) {
	r := router{Options: o}
	me, err := user.Current()
	if err != nil {
		me = &user.User{} // matters only if no user is named
	}
	r.localUser, r.uid = me.Username[strings.LastIndexByte(me.Username, '\\')+1:], me.Uid // on Windows behind a domain
	if r.home, err = os.UserHomeDir(); err != nil {
		r.home = me.HomeDir
	}
	if r.ConfigFiles == nil {
		r.ConfigFiles = []string{filepath.Join(r.home, ".ssh", "config"), "/etc/ssh/ssh_config"}
	}
	return r.to(at, false, maxHops)
}

// to returns the hosts up to one. If direct is set, it returns only that host, because
// the way to it is given.
func (r *router) to(at location, direct bool, most int) ([]*hop, error) {
	if most == 0 {
		return nil, fmt.Errorf("%s: the ProxyJumps to it go through too many hosts, or in a circle", at.host)
	}
	c := &config{host: at.host, user: at.user, localUser: r.localUser, home: r.home, values: map[string][]string{}}
	for _, name := range r.ConfigFiles {
		if err := c.readFile(name); err != nil {
			return nil, err
		}
	}
	h := &hop{alias: at.host, user: cmp.Or(at.user, c.first("user"), r.localUser)}
	host, err := c.hostName()
	if err != nil {
		return nil, fmt.Errorf("HostName of %s: %w", at.host, err)
	}
	host = strings.ToLower(host)
	port := cmp.Or(at.port, c.first("port"), "22")
	if h.user == "" {
		return nil, fmt.Errorf("who you are is not known: write sftp://user@%s/path", at.host)
	}
	if err := errors.Join(validHost(host), validUser(h.user), validPort(port)); err != nil {
		return nil, fmt.Errorf("%s: user %q, host %q, port %q: these can't be right", at.host, h.user, host, port)
	}
	h.address = net.JoinHostPort(host, port)
	h.connect = func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", h.address)
	}
	tokens := map[byte]string{'d': r.home, 'h': host, 'i': r.uid, 'n': at.host, 'p': port, 'r': h.user, 'u': r.localUser}
	if h.known, err = r.knownHosts(c, host, port, tokens); err != nil {
		return nil, err
	}
	if h.ids, err = r.identities(c, tokens); err != nil {
		return nil, err
	}
	if direct {
		return []*hop{h}, nil
	}
	if command := c.first("proxycommand"); command != "" && command != "none" {
		if command, err = expand(command, tokens); err != nil {
			return nil, fmt.Errorf("ProxyCommand of %s: %w", at.host, err)
		}
		h.connect = func(context.Context) (net.Conn, error) { return startCommand(command) }
	}
	before, err := r.jumps(c.first("proxyjump"), at.host, most)
	return append(before, h), err
}

// jumps returns the hosts that ProxyJump names.
func (r *router) jumps(list, host string, most int) ([]*hop, error) {
	if list == "" || list == "none" {
		return nil, nil
	}
	var hops []*hop
	for i, text := range strings.Split(list, ",") {
		if !strings.HasPrefix(text, "ssh://") {
			text = "ssh://" + text
		}
		at, err := parseURL("sftp" + strings.TrimPrefix(strings.TrimSuffix(text, "/"), "ssh") + "/")
		if err != nil {
			return nil, fmt.Errorf("ProxyJump of %s is not a list of [user@]host[:port]", host)
		}
		next, err := r.to(at, i > 0, most-1)
		if err != nil {
			return nil, err
		}
		hops = append(hops, next...)
	}
	return hops, nil
}

// knownHosts reads the host keys of a host.
func (r *router) knownHosts(c *config, host, port string, tokens map[byte]string) (*knownHosts, error) {
	k := &knownHosts{name: host, alias: c.host}
	if port != "22" {
		k.name = "[" + host + "]:" + port
	}
	if alias := c.first("hostkeyalias"); alias != "" {
		k.name = strings.ToLower(alias)
	}
	files := r.KnownHosts
	if files == nil {
		users, everyones := c.values["userknownhostsfile"], c.values["globalknownhostsfile"]
		if users == nil {
			users = []string{"~/.ssh/known_hosts", "~/.ssh/known_hosts2"}
		}
		if everyones == nil {
			everyones = []string{"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"}
		}
		for _, name := range append(append([]string(nil), users...), everyones...) {
			if name == "none" {
				continue
			}
			name, err := r.file(name, tokens)
			if err != nil {
				return nil, fmt.Errorf("known hosts of %s: %w", c.host, err)
			}
			files = append(files, name)
		}
	}
	for _, name := range files {
		if err := k.readFile(name); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// identities finds the keys to log in with.
func (r *router) identities(c *config, tokens map[byte]string) (*identities, error) {
	ids := &identities{only: c.first("identitiesonly") == "yes", agent: r.Agent, ask: r.Passphrase}
	if ids.agent == "" {
		ids.agent = c.first("identityagent")
		if name, ok := strings.CutPrefix(ids.agent, "$"); ok {
			ids.agent = os.Getenv(strings.Trim(name, "{}"))
		} else if ids.agent != "" && ids.agent != "SSH_AUTH_SOCK" {
			name, err := r.file(ids.agent, tokens)
			if err != nil {
				return nil, fmt.Errorf("IdentityAgent of %s: %w", c.host, err)
			}
			ids.agent = name
		}
		if ids.agent == "" || ids.agent == "SSH_AUTH_SOCK" {
			ids.agent = os.Getenv("SSH_AUTH_SOCK")
		}
	}
	for _, name := range r.KeyFiles {
		if there, err := ids.add(name); err != nil {
			return nil, err
		} else if !there {
			return nil, fmt.Errorf("key file %s: the file does not exist", name)
		}
	}
	if r.KeyFiles != nil {
		return ids, nil
	}
	names := c.values["identityfile"]
	if names == nil {
		names = []string{"~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"}
	}
	for _, name := range names {
		if name == "none" {
			continue
		}
		name, err := r.file(name, tokens)
		if err == nil {
			_, err = ids.add(name)
		}
		if err != nil {
			return nil, fmt.Errorf("IdentityFile of %s: %w", c.host, err)
		}
	}
	return ids, nil
}

// file returns the path of a file that is named in a configuration.
func (r *router) file(name string, tokens map[byte]string) (string, error) {
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		name = filepath.Join(r.home, rest)
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(name, "${")
		variable, rest, closed := strings.Cut(after, "}")
		if !found || !closed {
			b.WriteString(name)
			return expand(b.String(), tokens)
		}
		b.WriteString(before)
		b.WriteString(os.Getenv(variable))
		name = rest
	}
}
