package profile_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo/job/profile"
)

func TestProfilesInheritFromDefault(t *testing.T) {
	s := loaded(t, `
profiles:
  default:
    key-file: /etc/key
    exclude: [a, b]
    schedule: {every: 1h, full: weekly}
    limits: {cpu: 5%, hours: [{when: "08:00-18:00", cpu: 1%}]}
    retention: {keep-last: 72, keep-daily: 7}
    hooks: {before: [stop, app], after: [start, app]}
    host: web1
    repo: /backup/all
  own:
    password-file: /etc/password
    exclude: [c]
    schedule: {cron: "5 * * * *"}
    limits: {io: 10%}
    retention: {keep-daily: null}
    hooks: {before: {shell: "true"}}
    host:
    sources: /srv
    repo: {url: /backup/own}
  bare:
    sources: /srv
`)
	if p := s.Problems(); len(p) > 0 {
		t.Fatal(p)
	}
	own, err := s.Get("own")
	if err != nil {
		t.Fatal(err)
	}
	if own.KeyFile != "" || own.PasswordFile != "/etc/password" {
		t.Errorf("the secret is %+v", own.Secret)
	}
	if !slices.Equal(own.Exclude, []string{"c"}) {
		t.Errorf("a list is %v", own.Exclude)
	}
	if own.Schedule.Every != 0 || own.Schedule.Cron != "5 * * * *" || own.Schedule.Full != "weekly" {
		t.Errorf("the schedule is %+v", own.Schedule)
	}
	if own.Limits.CPU != 0.05 || own.Limits.IO != 0.1 || len(own.Limits.Hours) != 1 {
		t.Errorf("the limits are %+v", own.Limits)
	}
	if own.Retention.KeepLast != 72 || own.Retention.KeepDaily != 0 || own.Host != "" || own.Repo.String() != "/backup/own" {
		t.Errorf("%+v %q %v", own.Retention, own.Host, own.Repo)
	}
	if len(own.Hooks.Before) != 1 || own.Hooks.Before[0].Shell != "true" || time.Duration(own.Hooks.Before[0].Timeout) != 10*time.Minute || len(own.Hooks.After) != 1 {
		t.Errorf("the hooks are %+v", own.Hooks)
	}
	bare, err := s.Get("bare")
	if err != nil || bare.Host != "web1" || bare.Repo.String() != "/backup/all" || bare.Hooks.Before[0].Command[1] != "app" {
		t.Errorf("%+v %v", bare, err)
	}
	if !slices.Equal(s.Names(), []string{"bare", "own"}) {
		t.Errorf("the names are %v", s.Names())
	}
	if _, err := s.Get("default"); err == nil || !strings.Contains(err.Error(), "default is no job") {
		t.Error(err)
	}
}

func TestAProblemOfOneProfileLeavesTheOthersUsable(t *testing.T) {
	s := loaded(t, "profiles:\n  a: {repo: /a, sources: /srv, kee-last: 3}\n  b: {repo: /b, sources: /srv}\n")
	_, err := s.Get("a")
	wrong, ok := err.(profile.Problems)
	if !ok || len(wrong) != 1 || wrong[0].Line != 2 || wrong[0].Key != "profiles.a.kee-last" {
		t.Errorf("%#v", err)
	}
	if _, err := s.Get("b"); err != nil {
		t.Error(err)
	}
}

func TestAProfileWhoseTargetCannotBeUsedCannotBeUsed(t *testing.T) {
	name := written(t, "targets:\n  a: {url: /mnt/a, usr: ann}\n  b: {url: /mnt/b}\n  c: {url: /mnt/c}\nprofiles:\n  a: {repo: {target: a}, sources: /srv}\n  b: {repo: {target: b}, sources: /srv}\n  c: {repo: {target: c}, sources: /srv}\n")
	dir := filepath.Join(filepath.Dir(name), "conf.d")
	if err := os.MkdirAll(filepath.Join(dir, "b.yaml"), 0o755); err != nil { // no file
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte("targets:\n  b: {url: /mnt/other}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := profile.Load(name, nowhere)
	if err != nil {
		t.Fatal(err)
	}
	for profile, want := range map[string]string{"a": "config.yaml:2: targets.a.usr: there is no such key; you probably mean user", "b": "conf.d/a.yaml:2: targets.b: this target is in"} {
		if _, err := s.Get(profile); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", profile, err)
		}
	}
	if _, err := s.Get("c"); err != nil {
		t.Error(err)
	}
	if p := s.Problems(); len(p) != 3 {
		t.Errorf("%d problems: %v", len(p), p)
	}
}

func TestAProblemThatOthersFindIsWhereTheKeyIs(t *testing.T) {
	s := loaded(t, "profiles:\n  default:\n    limits:\n      io: 5%\n  a:\n    repo: /a\n    sources: /srv\n    limits: {cpu: 3%}\n")
	for key, line := range map[string]int{"limits.cpu": 8, "limits.io": 4, "limits": 8, "limits.memory": 8, "hooks.ping": 6, "repo": 6} {
		if p := s.ProblemAt("a", key, errors.New("x")); p.Line != line || p.File != s.Path() || p.Key != "profiles.a."+key || p.Text != "x" {
			t.Errorf("%+v, want line %d", p, line)
		}
	}
	if p := s.ProblemAt("none", "x", errors.New("x")); p.File != s.Path() || p.Line != 0 {
		t.Errorf("%+v", p)
	}
}

func TestAFileThatIsNoYAMLLeavesTheOthersUsable(t *testing.T) {
	name := written(t, smallest)
	dir := filepath.Join(filepath.Dir(name), "conf.d")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{"a.yaml": "profiles: {b: [}", ".hidden.yaml": "x: y", "b.yml": "x: y", "c.yaml": "\xff", "d.yaml": "a: b\n---\nc: d\n", "e.yaml": "", "f.yaml": "- a\n"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := profile.Load(name, nowhere)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get("app"); err != nil {
		t.Error(err)
	}
	var files []string
	for _, p := range s.Problems() {
		files = append(files, filepath.Base(p.File))
	}
	if !slices.Equal(files, []string{"a.yaml", "c.yaml", "d.yaml", "f.yaml"}) {
		t.Errorf("problems of %v", files)
	}
}

func TestTheConfigurationIsFound(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		env, flag, want string
	}{
		{"QSNAP_CONFIG=/x/y.yaml", "", "/x/y.yaml"},
		{"QSNAP_CONFIG=/x/y.yaml", "/z.yaml", "/z.yaml"},
		{"QSNAP_CONFIG=" + dir, "", dir + "/config.yaml"},
	} {
		if got, err := profile.Locate(environment(c.env), c.flag); err != nil || got != c.want {
			t.Errorf("%q %q: %q, %v", c.env, c.flag, got, err)
		}
	}
	if os.Geteuid() == 0 {
		if got, err := profile.Locate(environment("HOME=/home/ann"), ""); err != nil || got != "/etc/qsnap/config.yaml" {
			t.Errorf("root has %q, %v", got, err)
		}
	}
	if _, err := profile.Load(filepath.Join(dir, "config.yaml"), nowhere); err == nil || !strings.Contains(err.Error(), "there is no configuration") {
		t.Error(err)
	}
}
