package connect_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// env returns the environment with these variables and no others.
func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// newKey returns a file with a new key. It takes less time than a password.
func newKey(t *testing.T) string {
	t.Helper()
	key, err := repo.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "key", key)
}

func TestARepositoryIsMadeOpenedAndClosedInOneCallEach(t *testing.T) {
	memory, closed := &targettest.Memory{}, 0
	c := connect.Config{Location: "test:x", Getenv: env("QSNAP_KEY_FILE", newKey(t)), Schemes: schemeOf(true, func() (target.Target, error) { return closing{memory, &closed}, nil })}
	o := repo.Options{CacheDir: t.TempDir()}
	secret := connect.Secret{}
	if _, err := connect.Open(t.Context(), c, secret, o); !errors.Is(err, repo.ErrNoRepository) || !strings.HasPrefix(err.Error(), "test:x: there is no repository here") {
		t.Fatal(err)
	}
	r, err := connect.Init(t.Context(), c, secret, repo.InitOptions{Options: o})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Snapshot(t.Context(), repo.FromFS(fstest.MapFS{"a": {Data: []byte("hello")}}, "tree"), repo.SnapshotOptions{}); err != nil {
		t.Fatal(err)
	}
	closed = 0
	if err := r.Close(); closed != 1 || err == nil || err.Error() != "test:x: the line is cut" {
		t.Fatal(closed, err)
	}
	if _, err := connect.Init(t.Context(), c, secret, repo.InitOptions{Options: o}); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	r, err = connect.Open(t.Context(), c, secret, o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if report, err := r.Check(t.Context(), repo.CheckOptions{ReadData: true}); err != nil || report.Snapshots != 1 {
		t.Error(report, err)
	}
	c.Getenv = env("QSNAP_KEY_FILE", newKey(t))
	closed = 0
	if _, err := connect.Open(t.Context(), c, secret, o); !errors.Is(err, repo.ErrWrongSecret) || closed != 1 {
		t.Error(err, closed)
	}
}

func TestTheNearestSecretCountsAndAPersonIsAskedLast(t *testing.T) {
	memory := &targettest.Memory{}
	c := connect.Config{Location: "test:x", Getenv: env(), Schemes: schemeOf(false, func() (target.Target, error) { return memory, nil })}
	o := repo.Options{CacheDir: t.TempDir()}
	right, wrong := newKey(t), write(t, "password", "wrong")
	asked := ""
	ask := func(what string) (repo.Secret, error) {
		asked = what
		return connect.Key(right)
	}
	if _, err := connect.Open(t.Context(), c, connect.Secret{Ask: ask}, o); !errors.Is(err, repo.ErrNoRepository) || asked != "" {
		t.Errorf("%v, asked for %q", err, asked)
	}
	if _, err := connect.Init(t.Context(), c, connect.Secret{}, repo.InitOptions{Options: o}); !errors.Is(err, connect.ErrNoSecret) || !errors.Is(err, connect.ErrConfig) {
		t.Error(err)
	}
	made, err := connect.Init(t.Context(), c, connect.Secret{KeyFile: right}, repo.InitOptions{Options: o})
	if err != nil {
		t.Fatal(err)
	}
	defer made.Close()
	bad := repo.Passphrase("wrong")
	for name, x := range map[string]struct {
		secret connect.Secret
		env    func(string) string
		want   error
		asked  string
	}{
		"nothing":                         {connect.Secret{}, env(), connect.ErrNoSecret, ""},
		"a value":                         {connect.Secret{Value: &made.Secret, PasswordFile: wrong}, env(), nil, ""},
		"a key file":                      {connect.Secret{KeyFile: right, PasswordFile: wrong}, env(), nil, ""},
		"a field before a variable":       {connect.Secret{PasswordFile: wrong}, env("QSNAP_KEY_FILE", right), repo.ErrWrongSecret, ""},
		"a variable":                      {connect.Secret{DefaultKeyFile: wrong}, env("QSNAP_KEY_FILE", right), nil, ""},
		"a variable of another name":      {connect.Secret{Variables: "QSNAP_TO_"}, env("QSNAP_TO_KEY_FILE", right, "QSNAP_PASSWORD", "wrong"), nil, ""},
		"a command":                       {connect.Secret{PasswordCommand: "echo wrong"}, env("QSNAP_KEY_FILE", right), repo.ErrWrongSecret, ""},
		"a default":                       {connect.Secret{DefaultKeyFile: right, Perhaps: &bad}, env(), nil, ""},
		"one that may be right":           {connect.Secret{Perhaps: &made.Secret}, env(), nil, ""},
		"one that may be right and isn't": {connect.Secret{Perhaps: &bad, Ask: ask}, env(), nil, "password for repository test:x"},
		"a person":                        {connect.Secret{Ask: ask}, env(), nil, "password for repository test:x"},
		"a person isn't asked needlessly": {connect.Secret{PasswordFile: wrong, Ask: ask}, env(), repo.ErrWrongSecret, ""},
		"a file that isn't there":         {connect.Secret{KeyFile: right + "-not"}, env(), fs.ErrNotExist, ""},
		"a file that is no key":           {connect.Secret{KeyFile: wrong}, env(), connect.ErrConfig, ""},
		"a file without a password":       {connect.Secret{PasswordFile: write(t, "empty", "\n")}, env(), connect.ErrConfig, ""},
	} {
		asked, c.Getenv, x.secret.NoKeyring = "", x.env, true
		r, err := connect.Open(t.Context(), c, x.secret, o)
		if !errors.Is(err, x.want) || asked != x.asked {
			t.Errorf("%s: %v, asked for %q", name, err, asked)
		}
		if err == nil {
			r.Close()
		}
	}
}

func TestAReplicaIsReadWhereTheRepositoryLacksSomething(t *testing.T) {
	here, there := &targettest.Memory{}, &targettest.Memory{}
	opened := 0
	c := connect.Config{Location: "test:x", Schemes: schemeOf(false, func() (target.Target, error) { return here, nil })}
	c.Schemes["replica"] = schemeOf(false, func() (target.Target, error) { opened++; return there, nil })["test"]
	secret, o := connect.Secret{KeyFile: newKey(t)}, repo.Options{CacheDir: t.TempDir()}
	r, err := connect.Init(t.Context(), c, secret, repo.InitOptions{Options: o})
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Snapshot(t.Context(), repo.FromFS(fstest.MapFS{"a": {Data: []byte("hello")}}, "tree"), repo.SnapshotOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Replicate(t.Context(), there, repo.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for info, err := range here.List(t.Context(), "packs/") {
		if err == nil {
			err = here.Delete(t.Context(), info.Name)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c.Replicas, o.CacheDir = []connect.Location{"replica:y"}, t.TempDir()
	if r, err = connect.Open(t.Context(), c, secret, o); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if opened != 0 {
		t.Error("the replica was opened before it was needed")
	}
	if b, err := fs.ReadFile(r.View(m).FS(t.Context()), "a"); err != nil || string(b) != "hello" || opened != 1 {
		t.Errorf("%q, %v, opened %d times", b, err, opened)
	}
}
