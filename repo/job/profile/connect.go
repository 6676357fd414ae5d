package profile

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
)

// A service is what is known of a type of targets.
type service struct {
	requests int
	per      time.Duration
	packSize int64
}

// services are those types of which something is known. Nutstore takes 600 requests in half
// an hour, 1,500 of those who pay, and files of up to 500 MB. Nextcloud takes files of up to
// 64 MiB in one request with any setting of PHP that is in use.
var services = map[string]service{
	"nutstore":      {600, 30 * time.Minute, 32 << 20},
	"nutstore-paid": {1500, 30 * time.Minute, 32 << 20},
	"nextcloud":     {0, 0, 32 << 20},
}

// NewPackSize returns how large the packs of a new repository are, or 0 for the usual size.
func (l Location) NewPackSize() int64 {
	if l.at.PackSize > 0 {
		return int64(l.at.PackSize)
	}
	return services[l.at.Type].packSize
}

// Connect returns the location with what its target says.
func (l Location) Connect() connect.Location {
	if l.Target == "" {
		return connect.Location(l.URL)
	}
	return connect.Location(l.at.location(l.Path))
}

// String returns the location without secrets.
func (l Location) String() string { return l.Connect().String() }

// location returns the location of a path below the target.
func (t Target) location(path string) string {
	base, query, _ := strings.Cut(t.URL, "?")
	if path = strings.Trim(path, "/"); path != "" {
		if strings.Contains(base, "://") {
			path = (&url.URL{Path: path}).EscapedPath()
		}
		base = strings.TrimSuffix(base, "/") + "/" + path
	}
	requests, per := t.Requests, time.Duration(t.Per)
	if known := services[t.Type]; requests == 0 {
		requests, per = known.requests, known.per
	}
	if requests > 0 && strings.HasPrefix(t.URL, "webdav") && !strings.Contains(query, "requests=") {
		query = strings.TrimPrefix(query+"&requests="+strconv.Itoa(requests)+"&per="+per.String(), "&")
	}
	if query != "" {
		base += "?" + query
	}
	return base
}

// Connect returns how the profile's repository is reached, and what unlocks it.
func (p Profile) Connect(getenv func(string) string) (connect.Config, connect.Secret, error) {
	c, err := p.config(p.Repo, getenv)
	if err != nil {
		return connect.Config{}, connect.Secret{}, err
	}
	s, err := p.Secret.find(getenv)
	s.NoKeyring = p.NoKeyring
	return c, s, err
}

// ConnectReplica returns how a replica is reached.
func (p Profile) ConnectReplica(l Location, getenv func(string) string) (connect.Config, error) {
	return p.config(l, getenv)
}

// ConnectCopy returns how the repository of a copy is reached, and what unlocks it.
func (p Profile) ConnectCopy(to Copy, getenv func(string) string) (connect.Config, connect.Secret, error) {
	c, err := p.config(to.Repo, getenv)
	if err != nil {
		return connect.Config{}, connect.Secret{}, err
	}
	s, err := to.Secret.find(getenv)
	s.NoKeyring = p.NoKeyring
	return c, s, err
}

// config returns how a location is reached.
func (p Profile) config(l Location, getenv func(string) string) (connect.Config, error) {
	t := l.at
	c := connect.Config{
		Location: l.Connect(), User: t.User, CAFile: string(t.CAFile), Fingerprint: t.Fingerprint, ObjectLock: t.ObjectLock,
		UploadRate: least(t.LimitUpload, p.Limits.Upload), DownloadRate: least(t.LimitDownload, p.Limits.Download), Getenv: getenv,
	}
	for _, name := range t.KnownHosts {
		c.KnownHosts = append(c.KnownHosts, string(name))
	}
	for _, name := range t.SSHKeys {
		c.KeyFiles = append(c.KeyFiles, string(name))
	}
	if t.RetryFor != nil {
		if c.RetryFor = time.Duration(*t.RetryFor); c.RetryFor == 0 {
			c.RetryFor = connect.Once
		}
	}
	return c, t.login(&c)
}

// least returns the lower of two rates, of which 0 is no limit.
func least(a, b Rate) int64 {
	if a == 0 || b != 0 && b < a {
		a = b
	}
	return int64(a)
}

// login has a configuration log in as the target says.
func (t Target) login(c *connect.Config) error {
	file := string(t.PasswordFile)
	if t.Credential != "" {
		var err error
		if file, err = credential(t.Credential, c.Getenv); err != nil {
			return fmt.Errorf("target %s: %w", t.Name, err)
		}
	}
	if t.TokenFile != "" {
		token, err := os.ReadFile(string(t.TokenFile))
		if err != nil {
			return fmt.Errorf("target %s: %w", t.Name, err)
		}
		c.Token = strings.TrimSpace(string(token))
		return nil
	}
	if strings.HasPrefix(t.URL, "s3:") && file != "" { // whose environment has other names
		password, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("target %s: %w", t.Name, err)
		}
		first, _, _ := strings.Cut(string(password), "\n")
		c.Password = strings.TrimSuffix(first, "\r")
		return nil
	}
	if file != "" || t.PasswordCommand != "" {
		c.Getenv = instead(c.Getenv, map[string]string{
			"QSNAP_TARGET_PASSWORD": "", "QSNAP_TARGET_TOKEN": "",
			"QSNAP_TARGET_PASSWORD_FILE": file, "QSNAP_TARGET_PASSWORD_COMMAND": t.PasswordCommand,
		})
	}
	return nil
}

// instead returns an environment in which some variables have other values.
func instead(getenv func(string) string, other map[string]string) func(string) string {
	return func(name string) string {
		if v, ok := other[name]; ok {
			return v
		}
		return getenv(name)
	}
}

// find returns what unlocks a repository.
func (s Secret) find(getenv func(string) string) (connect.Secret, error) {
	out := connect.Secret{KeyFile: string(s.KeyFile), PasswordFile: string(s.PasswordFile), PasswordCommand: s.PasswordCommand, Getenv: getenv}
	if s.Credential == "" {
		return out, nil
	}
	file, err := credential(s.Credential, getenv)
	if err != nil {
		return out, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return out, err
	}
	if _, err := repo.ParseKey(string(text)); err == nil {
		out.KeyFile = file
	} else {
		out.PasswordFile = file
	}
	return out, nil
}

// credential returns the file of a systemd credential.
func credential(name string, getenv func(string) string) (string, error) {
	if name != filepath.Base(name) || name == ".." || name == "." {
		return "", fmt.Errorf("credential %q: write the name of a credential, not a path", name)
	}
	dir := getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return "", fmt.Errorf("credential %s: $CREDENTIALS_DIRECTORY is not set: only a unit of systemd with LoadCredential=%[1]s:FILE has it", name)
	}
	return filepath.Join(dir, name), nil
}
