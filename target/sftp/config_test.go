package sftp

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func newConfig(host, user string) *config {
	return &config{host: host, user: user, localUser: "local", home: "/home/local", values: map[string][]string{}}
}

func TestTheFirstValueOfAConfigurationCounts(t *testing.T) {
	const text = `
# comment
User first
Host nas backup-?.example !backup-9.example
	HostName=%h.lan
	Port = 2222 # why
	IdentityFile "~/my keys/one"
	identityfile ~/two
	IdentityFile "~/my keys/one"
	UserKnownHostsFile a 'b c' d\ e
	ProxyJump jump
	ProxyCommand never
	Unheeded "open quote
Host *
	Port 99
	User second
	IdentityFile ~/three
Match host nas.lan,other user fir?t
	HostKeyAlias matched
Match !originalhost nas
	HostKeyAlias not-nas
Match originalhost nas exec "true"
	IdentityAgent never
Match all
	IdentitiesOnly yes
`
	for host, want := range map[string]map[string][]string{
		"nas": {
			"user": {"first"}, "hostname": {"%h.lan"}, "port": {"2222"}, "identityfile": {"~/my keys/one", "~/two", "~/three"},
			"userknownhostsfile": {"a", "b c", "d e"}, "proxyjump": {"jump"}, "hostkeyalias": {"matched"}, "identitiesonly": {"yes"},
		},
		"backup-9.example": {"user": {"first"}, "port": {"99"}, "identityfile": {"~/three"}, "hostkeyalias": {"not-nas"}, "identitiesonly": {"yes"}},
	} {
		c := newConfig(host, "")
		if err := c.read(strings.NewReader(text), "file", 0); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(c.values) != fmt.Sprint(want) {
			t.Errorf("%s: got  %v\nwant %v", host, c.values, want)
		}
	}
}

func TestWhatAConfigurationCannotBeIsNamedByLine(t *testing.T) {
	for text, want := range map[string]string{
		"\nPort":                        "file:2: port has no value",
		"Host *\nHostName \"open":       "file:2: a quote is not closed",
		"Host a\nPort\nHost *\nPort 22": "",
		"ProxyCommand a 'b":             "", // a shell's matter
	} {
		err := newConfig("b", "").read(strings.NewReader(text), "file", 0)
		if want == "" {
			if err != nil {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		saysInOneLine(t, err, want)
	}
}

func TestIncludedFilesAreRead(t *testing.T) {
	home := newHome(t)
	ssh := filepath.Join(home, ".ssh")
	writeFile(t, filepath.Join(ssh, "config"), "Include conf.d/*.conf missing\nHost nas\nInclude ~/nas.conf\nPort 3\nHost other\nInclude loop\nHost *\nUser last\n")
	writeFile(t, filepath.Join(ssh, "conf.d", "1.conf"), "Host nas\nHostName one\n")
	writeFile(t, filepath.Join(ssh, "conf.d", "2.conf"), "Host other\nHostName two\n")
	writeFile(t, filepath.Join(home, "nas.conf"), "Port 2\nHost none\nUser nobody\n")
	writeFile(t, filepath.Join(ssh, "loop"), "Include loop\n")
	c := newConfig("nas", "")
	c.home = home
	if err := c.readFile(filepath.Join(ssh, "config")); err != nil {
		t.Fatal(err)
	}
	if c.first("hostname") != "one" || c.first("port") != "2" || c.first("user") != "last" {
		t.Errorf("got %v", c.values)
	}
	c = newConfig("other", "")
	c.home = home
	saysInOneLine(t, c.readFile(filepath.Join(ssh, "config")), "loop:1: ", "include each other")
}

// ssh itself says what it makes of a configuration.
func TestConfigurationsMeanWhatSSHMakesOfThem(t *testing.T) {
	ssh := program(t, "ssh")
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "more"), "Host c*\nPort 4\nHost *\nUser more\n")
	const text = `
Host a alias-*
  HostName %h.example
  IdentityFile /keys/"one two"
  IdentityFile=/keys/three
  IdentitiesOnly yes
  UserKnownHostsFile "/known one" /known/two
Match originalhost b
  ProxyJump me@jump1:22,ssh://jump2
  ProxyCommand never
Match host *.example user root,me
  Port 77
Host !*x *
  HostName "ten"
Match all
  ProxyCommand nc %h "%p" # with all
Host c,d "e f" c1
Include DIR/more
Match localuser nobody,!*
  Port 5
Host *
  User = last
  IdentityAgent none
`
	file := filepath.Join(dir, "config")
	writeFile(t, file, strings.ReplaceAll(text, "DIR", dir))
	for _, host := range []string{"a", "b", "alias-7", "c1", "cx", "x", "d", "A"} {
		for _, user := range []string{"", "me"} {
			args := []string{"-G", "-F", file}
			if user != "" {
				args = append(args, "-l", user)
			}
			out, err := exec.Command(ssh, append(args, host)...).Output()
			if err != nil {
				t.Fatal(err)
			}
			want := map[string][]string{}
			for line := range strings.Lines(string(out)) {
				keyword, value, _ := strings.Cut(strings.TrimSpace(line), " ")
				want[keyword] = append(want[keyword], value)
			}
			c := newConfig(host, user)
			if err := c.readFile(file); err != nil {
				t.Fatal(err)
			}
			name, err := c.hostName()
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{
				"hostname": name, "proxyjump": c.first("proxyjump"), "proxycommand": c.first("proxycommand"), "identityagent": c.first("identityagent"),
				"user": user, "port": c.first("port"), "identityfile": strings.Join(c.values["identityfile"], "|"), "userknownhostsfile": strings.Join(c.values["userknownhostsfile"], " "),
				"identitiesonly": c.first("identitiesonly"),
			}
			if user == "" {
				got["user"] = c.first("user")
			}
			for keyword, got := range got {
				want := strings.Join(want[keyword], "|")
				if got == "" && slices.Contains([]string{"port", "identityfile", "userknownhostsfile", "identitiesonly"}, keyword) {
					continue // ssh gives its default
				}
				if keyword == "hostname" {
					got = strings.ToLower(got)
				}
				if keyword == "proxyjump" {
					want = strings.ReplaceAll(want, "ssh://", "")
					got = strings.ReplaceAll(got, "ssh://", "")
				}
				if got != want {
					t.Errorf("%s of %s for %q: got %q, ssh has %q", keyword, host, user, got, want)
				}
			}
		}
	}
}

func FuzzConfig(f *testing.F) {
	for _, text := range []string{"Host *\nPort 22\n", "Match host a,!b user c\nHostName %h.x", "IdentityFile \"a b\"\\ c", "ProxyCommand a # b", "=\n= =", "Match all host"} {
		f.Add(text)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		c := newConfig("host.example", "me")
		c.home = dir // Include finds nothing
		if strings.Contains(strings.ToLower(text), "include") {
			return
		}
		if err := c.read(strings.NewReader(text), "file", 0); err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than a line: %v", err)
			}
			return
		}
		for keyword, words := range c.values {
			if !slices.Contains(supported, keyword) || len(words) == 0 {
				t.Errorf("%s: %q", keyword, words)
			}
		}
		// Values that are quoted are read as themselves.
		for _, word := range c.values["identityfile"] {
			quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
			again, err := splitWords(quoted)
			if err != nil || len(again) != 1 || again[0] != word {
				t.Errorf("%q is written as %s, which is %q, %v", word, quoted, again, err)
			}
		}
		if name, err := c.hostName(); err == nil && strings.Contains(name, "%h") && !strings.Contains(c.first("hostname"), "%%") {
			t.Errorf("host name %q", name)
		}
	})
}
