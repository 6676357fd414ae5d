package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// credentialsOf returns what is found for a location, and what is said about it.
func credentialsOf(t *testing.T, text string, env map[string]string) (credentials, string, error) {
	t.Helper()
	at, err := parseLocation(text)
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	p := &program{stdin: strings.NewReader(""), stderr: &stderr, getenv: func(k string) string { return env[k] }}
	c, err := p.targetCredentials(t.Context(), at)
	return c, stderr.String(), err
}

func TestCredentialsComeFromTheEnvironmentOrElseFromNetrc(t *testing.T) {
	addScheme(t, scheme{})
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	write := func(name, text string, mode os.FileMode) string {
		t.Helper()
		name = filepath.Join(home, name)
		if err := os.WriteFile(name, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return name
	}
	line := write("pw", "from a file\r\nand more\n", 0o600)
	write(".netrc", "machine host login ann password n1\nmachine host login bob password n2\nmachine other:81 password n3\n", 0o600)
	elsewhere := write("netrc-2", "default login any password n4", 0o600)
	for name, c := range map[string]struct {
		at   string
		env  map[string]string
		want credentials
	}{
		"nothing known":             {"test://unknown/x", nil, credentials{}},
		"no host":                   {"test:x", nil, credentials{}},
		"netrc":                     {"test://host/x", nil, credentials{"ann", "n1", ""}},
		"netrc, the URL's user":     {"test://bob@host/x", nil, credentials{"bob", "n2", ""}},
		"netrc, another user":       {"test://eve@host/x", nil, credentials{"eve", "", ""}},
		"netrc, the variable's":     {"test://host/x", map[string]string{"QSNAP_TARGET_USER": "bob"}, credentials{"bob", "n2", ""}},
		"netrc, a port":             {"test://other:81/x", nil, credentials{"", "n3", ""}},
		"another netrc":             {"test://host/x", map[string]string{"NETRC": elsewhere}, credentials{"any", "n4", ""}},
		"the URL's user is nearest": {"test://bob@host/x", map[string]string{"QSNAP_TARGET_USER": "eve"}, credentials{"bob", "n2", ""}},
		"password":                  {"test://host/x", map[string]string{"QSNAP_TARGET_PASSWORD": "e1"}, credentials{"", "e1", ""}},
		"password file":             {"test://eve@host/x", map[string]string{"QSNAP_TARGET_PASSWORD_FILE": line}, credentials{"eve", "from a file", ""}},
		"password command":          {"test:x", map[string]string{"QSNAP_TARGET_PASSWORD_COMMAND": "echo e3"}, credentials{"", "e3", ""}},
		"password before file":      {"test:x", map[string]string{"QSNAP_TARGET_PASSWORD": "e1", "QSNAP_TARGET_PASSWORD_FILE": line}, credentials{"", "e1", ""}},
		"token":                     {"test://host/x", map[string]string{"QSNAP_TARGET_TOKEN": "t"}, credentials{"", "", "t"}},
	} {
		if got, said, err := credentialsOf(t, c.at, c.env); got != c.want || err != nil || said != "" {
			t.Errorf("%s: %+v, %v, %s", name, got, err, said)
		}
	}
	for name, env := range map[string]map[string]string{
		"missing: no such file":           {"QSNAP_TARGET_PASSWORD_FILE": filepath.Join(home, "missing")},
		"password command \"exit 1\"":     {"QSNAP_TARGET_PASSWORD_COMMAND": "exit 1"},
		"nowhere: no such file":           {"NETRC": filepath.Join(home, "nowhere")},
		"bad: line 1: login comes before": {"NETRC": write("bad", "login x", 0o600)},
	} {
		if _, _, err := credentialsOf(t, "test://host/x", env); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestANetrcFileThatOthersCanReadIsPointedOut(t *testing.T) {
	addScheme(t, scheme{})
	name := filepath.Join(t.TempDir(), "netrc")
	if err := os.WriteFile(name, []byte("machine a password x\nmachine b login y"), 0o644); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"NETRC": name}
	if _, said, err := credentialsOf(t, "test://a/x", env); err != nil || said != "qsnap: "+name+" has a password in it, and others can read it: chmod 600 "+name+"\n" {
		t.Errorf("%q, %v", said, err)
	}
	if _, said, err := credentialsOf(t, "test://b/x", env); err != nil || said != "" {
		t.Errorf("without a password: %q, %v", said, err)
	}
}
