package connect_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// credentialsOf returns what an adapter finds of credentials, and what is warned of.
func credentialsOf(t *testing.T, c connect.Config, env map[string]string) (found connect.Credentials, warned string, err error) {
	t.Helper()
	c.Getenv = func(name string) string { return env[name] }
	c.Warn = func(err error) { warned += err.Error() + "\n" }
	c.Schemes = map[string]connect.Scheme{"test": {Open: func(ctx context.Context, e connect.Endpoint) (_ target.Target, err error) {
		found, err = e.Credentials(ctx)
		return &targettest.Memory{}, err
	}}}
	conn, err := connect.Target(t.Context(), c)
	if err == nil {
		err = conn.Close()
	}
	return found, warned, err
}

func TestCredentialsComeFromTheEnvironmentOrElseFromNetrc(t *testing.T) {
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
	type env = map[string]string
	for name, c := range map[string]struct {
		given                 connect.Config
		env                   env
		user, password, token string
	}{
		"nothing known":              {connect.Config{Location: "test://unknown/x"}, nil, "", "", ""},
		"no host":                    {connect.Config{Location: "test:x"}, nil, "", "", ""},
		"netrc":                      {connect.Config{Location: "test://host/x"}, nil, "ann", "n1", ""},
		"netrc, the URL's user":      {connect.Config{Location: "test://bob@host/x"}, nil, "bob", "n2", ""},
		"netrc, another user":        {connect.Config{Location: "test://eve@host/x"}, nil, "eve", "", ""},
		"netrc, the variable's":      {connect.Config{Location: "test://host/x"}, env{"QSNAP_TARGET_USER": "bob"}, "bob", "n2", ""},
		"netrc, the Config's user":   {connect.Config{Location: "test://host/x", User: "bob"}, env{"QSNAP_TARGET_USER": "eve"}, "bob", "n2", ""},
		"netrc, a port":              {connect.Config{Location: "test://other:81/x"}, nil, "", "n3", ""},
		"another netrc":              {connect.Config{Location: "test://host/x"}, env{"NETRC": elsewhere}, "any", "n4", ""},
		"the URL's user is nearest":  {connect.Config{Location: "test://bob@host/x", User: "eve"}, env{"QSNAP_TARGET_USER": "eve"}, "bob", "n2", ""},
		"password":                   {connect.Config{Location: "test://host/x"}, env{"QSNAP_TARGET_PASSWORD": "e1"}, "", "e1", ""},
		"password file":              {connect.Config{Location: "test://eve@host/x"}, env{"QSNAP_TARGET_PASSWORD_FILE": line}, "eve", "from a file", ""},
		"password command":           {connect.Config{Location: "test:x"}, env{"QSNAP_TARGET_PASSWORD_COMMAND": "echo e3"}, "", "e3", ""},
		"password before file":       {connect.Config{Location: "test:x"}, env{"QSNAP_TARGET_PASSWORD": "e1", "QSNAP_TARGET_PASSWORD_FILE": line}, "", "e1", ""},
		"token":                      {connect.Config{Location: "test://host/x"}, env{"QSNAP_TARGET_TOKEN": "t"}, "", "", "t"},
		"the Config's password":      {connect.Config{Location: "test://host/x", Password: "c"}, env{"QSNAP_TARGET_PASSWORD": "e1", "QSNAP_TARGET_TOKEN": "t"}, "", "c", ""},
		"the Config's token":         {connect.Config{Location: "test://host/x", User: "ann", Token: "c"}, env{"QSNAP_TARGET_PASSWORD": "e1"}, "ann", "", "c"},
		"the Config says everything": {connect.Config{Location: "test://host/x", User: "a", Password: "b", Token: "c"}, nil, "a", "b", "c"},
	} {
		want := connect.Credentials{User: c.user, Password: c.password, Token: c.token}
		if got, warned, err := credentialsOf(t, c.given, c.env); got != want || err != nil || warned != "" {
			t.Errorf("%s: %q, %v, %s", name, []string{got.User, got.Password, got.Token}, err, warned)
		}
	}
	for name, e := range map[string]env{
		"missing: no such file":           {"QSNAP_TARGET_PASSWORD_FILE": filepath.Join(home, "missing")},
		"password command \"exit 1\"":     {"QSNAP_TARGET_PASSWORD_COMMAND": "exit 1"},
		": exit status 1: the vault is":   {"QSNAP_TARGET_PASSWORD_COMMAND": "echo the vault is sealed >&2; exit 1"},
		"nowhere: no such file":           {"NETRC": filepath.Join(home, "nowhere")},
		"bad: line 1: login comes before": {"NETRC": write("bad", "login x", 0o600)},
	} {
		_, _, err := credentialsOf(t, connect.Config{Location: "test://host/x"}, e)
		if err == nil || !strings.Contains(err.Error(), name) || !strings.HasPrefix(err.Error(), "test://host/x: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPrintingAConfigShowsNoSecret(t *testing.T) {
	c := connect.Config{Location: "s3://bucket/x?token=secret", Password: "secret", Token: "secret"}
	who := connect.Credentials{User: "ann", Password: "secret", Token: "secret"}
	for _, format := range []string{"%v", "%+v", "%s"} {
		if text := fmt.Sprintf(format, c) + " " + fmt.Sprintf(format, who); text != "s3://bucket/x?token=*** ann" {
			t.Errorf("%s: %s", format, text)
		}
	}
}

func TestANetrcFileThatOthersCanReadIsPointedOut(t *testing.T) {
	name := filepath.Join(t.TempDir(), "netrc")
	if err := os.WriteFile(name, []byte("machine a password x\nmachine b login y"), 0o644); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"NETRC": name}
	if _, warned, err := credentialsOf(t, connect.Config{Location: "test://a/x"}, env); err != nil || warned != name+" has a password in it, and others can read it: chmod 600 "+name+"\n" {
		t.Errorf("%q, %v", warned, err)
	}
	if _, warned, err := credentialsOf(t, connect.Config{Location: "test://b/x"}, env); err != nil || warned != "" {
		t.Errorf("without a password: %q, %v", warned, err)
	}
}
