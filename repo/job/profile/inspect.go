package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"go.yaml.in/yaml/v3"
)

// An inspector looks at what a profile names on this machine.
type inspector struct {
	*decoder
	node *yaml.Node // of the profile, with what it inherits
	key  string
	Profile
}

// Inspect returns what can't work on this machine, and warnings, about a profile that Get
// returns: files that aren't there, a source in the repository, a secret that others can
// read. Machine is the name of this host. Nothing is written, and no server is asked.
func (s *Set) Inspect(name, machine string) []Problem {
	p, err := s.Get(name)
	if err != nil {
		return nil
	}
	in := &inspector{s.decoder(), s.merged[name], "profiles." + name, p}
	in.secret(p.Secret, "", s.getenv, true)
	for i, c := range p.Copies {
		in.secret(c.Secret, fmt.Sprintf("copies[%d].", i), s.getenv, false)
	}
	in.files()
	in.sources()
	if p.Host == "" && s.getenv("QSNAP_HOST") == "" && generated(machine) {
		in.warn(in.node, in.key, "the host name %s looks generated: versions of the next such host would count as another host's; write host, or set QSNAP_HOST", shown(machine))
	}
	return in.problems
}

// InspectFiles returns warnings about the files of the configuration. Who can change them can
// run commands as the user whose jobs they are.
func (s *Set) InspectFiles() (out []Problem) {
	for _, doc := range s.files {
		info, err := os.Stat(doc.name)
		if err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0 {
			out = append(out, Problem{File: doc.name, Warning: true, Text: "others can change this file, and so run commands as you: chmod go-w " + doc.name})
		}
	}
	return out
}

// file refuses a file that isn't there or is a directory, and reports whether it is there.
func (in *inspector) file(name Path, keys ...string) bool {
	if name == "" {
		return false
	}
	info, err := os.Stat(string(name))
	key := in.key + "." + strings.Join(keys, ".")
	switch {
	case errors.Is(err, fs.ErrPermission):
		in.warn(at(in.node, keys...), key, "%v: this user can not look at it", err)
	case err != nil:
		in.fail(at(in.node, keys...), key, "%v", err)
	case info.IsDir():
		in.fail(at(in.node, keys...), key, "%s is a directory: name a file", name)
	}
	return err == nil
}

// files looks at the files that the profile and its targets name.
func (in *inspector) files() {
	for _, name := range in.ExcludeFile {
		in.file(name, "exclude-file")
	}
	in.private(in.Hooks.Ping.URLFile, "hooks", "ping", "url-file")
	seen := map[string]bool{}
	for _, l := range in.locations() {
		if t := l.at; l.Target != "" && !seen[t.Name] {
			seen[t.Name] = true
			in.target(t)
		}
	}
}

// target looks at the files that a target names.
func (in *inspector) target(t Target) {
	of := *in
	of.node, of.key = t.node, "targets."+t.Name
	of.decoder = &decoder{file: in.decoder.file, nodes: in.nodes}
	of.private(t.PasswordFile, "password-file")
	of.private(t.TokenFile, "token-file")
	of.file(t.CAFile, "ca-file")
	for _, name := range t.KnownHosts {
		of.file(name, "known-hosts")
	}
	for _, name := range t.SSHKeys {
		of.private(name, "ssh-keys")
	}
	in.problems = append(in.problems, of.problems...)
}

// private looks at a file that nobody else should read.
func (in *inspector) private(name Path, keys ...string) {
	if !in.file(name, keys...) || runtime.GOOS == "windows" {
		return
	}
	if info, err := os.Stat(string(name)); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		in.warn(at(in.node, keys...), in.key+"."+strings.Join(keys, "."), "others can read %s: chmod 600 %[1]s", name)
	}
}

// secret looks at the secret of a repository. Own is that of the profile itself.
func (in *inspector) secret(s Secret, before string, getenv func(string) string, own bool) {
	under := func(key string) []string {
		if before == "" {
			return []string{key}
		}
		return []string{strings.TrimSuffix(before, ".")}
	}
	switch {
	case s.KeyFile != "" && own && !exists(string(s.KeyFile)):
		in.warn(at(in.node, "key-file"), in.key+".key-file", "%s is not there: \"qsnap init -p %s\" makes it together with the repository", s.KeyFile, in.Name)
	case s.KeyFile != "":
		in.private(s.KeyFile, under("key-file")...)
	case s.PasswordFile != "":
		in.private(s.PasswordFile, under("password-file")...)
	case s.Credential != "":
		if name, err := credential(s.Credential, getenv); getenv("CREDENTIALS_DIRECTORY") == "" {
			in.warn(at(in.node, under("credential")...), in.key+"."+before+"credential", "%v", err)
		} else if err != nil {
			in.fail(at(in.node, under("credential")...), in.key+"."+before+"credential", "%v", err)
		} else {
			in.file(Path(name), under("credential")...)
		}
	case own && s.IsZero() && getenv("QSNAP_PASSWORD")+getenv("QSNAP_PASSWORD_FILE")+getenv("QSNAP_PASSWORD_COMMAND")+getenv("QSNAP_KEY_FILE") == "":
		in.warn(in.node, in.key, "no secret is named: write key-file, password-file, password-command or credential, or set QSNAP_PASSWORD_FILE for each run")
	}
}

// sources looks at the sources, and whether they and the repositories are in each other.
func (in *inspector) sources() {
	line := at(in.node, "sources")
	for i, s := range in.Sources {
		key := fmt.Sprintf("%s.sources[%d]", in.key, i)
		if _, err := os.Lstat(string(s.Path)); err != nil {
			in.warn(line, key, "%v", err)
			continue
		}
		for what, l := range in.stores() {
			dir := l.Connect().Directory()
			if dir == "" {
				continue
			}
			store, source := real(dir), real(string(s.Path))
			switch {
			case within(source, store):
				in.fail(line, key, "%s is in the %s %s: a version would hold the versions before it", s.Path, what, dir)
			case within(store, source) && sameDevice(store, source):
				in.warn(line, key, "the %s %s is in this source, on the same disk: it is left out, and both are lost if the disk fails", what, dir)
			}
		}
	}
}

// stores returns where versions are stored, by what it is.
func (in *inspector) stores() map[string]Location {
	out := map[string]Location{"repository": in.Repo}
	for i, l := range in.Replicas {
		out[fmt.Sprintf("replica %d,", i+1)] = l
	}
	for i, c := range in.Copies {
		out[fmt.Sprintf("copy %d,", i+1)] = c.Repo
	}
	return out
}

// real returns a name without symbolic links, as far as it is there.
func real(name string) string {
	name, err := filepath.Abs(name)
	if err != nil {
		return name
	}
	rest := ""
	for at := name; ; at = filepath.Dir(at) {
		if found, err := filepath.EvalSymlinks(at); err == nil {
			return filepath.Join(found, rest)
		}
		if filepath.Dir(at) == at {
			return name
		}
		rest = filepath.Join(filepath.Base(at), rest)
	}
}

// within reports whether a name is a directory or in it.
func within(name, dir string) bool {
	rel, err := filepath.Rel(dir, name)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// generated reports whether a host name looks as if the next container or machine has
// another one.
var generated = regexp.MustCompile(`(?i)^(localhost.*|[0-9a-f]{12}|[0-9a-f]{64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|ip-\d+-\d+-\d+-\d+.*|.+-[a-z0-9]{8,10}-[a-z0-9]{5}|runner-.+|fv-az\d+-\d+|buildkitsandbox)$`).MatchString
