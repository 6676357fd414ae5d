package profile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo/job/profile"
)

// written returns the name of a configuration with this text, in a directory of its own.
func written(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func environment(variables ...string) func(string) string {
	return func(name string) string {
		for _, v := range variables {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

// loaded loads a configuration with this text, and with /home/ann as the home directory.
func loaded(t *testing.T, text string) *profile.Set {
	t.Helper()
	s, err := profile.Load(written(t, text), environment("HOME=/home/ann"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const smallest = `profiles:
  app:
    repo: /backup/app
    key-file: /etc/qsnap/app.key
    sources: [/srv/app]
    schedule: {every: 1h}        # or cron: "0 * * * *"; full: weekly
    retention: {keep-last: 72}
`

func TestTheSmallestProfileHasUsefulDefaults(t *testing.T) {
	s := loaded(t, smallest)
	if p := s.Problems(); len(p) > 0 {
		t.Fatal(p)
	}
	p, err := s.Get("app")
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "app" || p.Repo.String() != "/backup/app" || p.KeyFile != "/etc/qsnap/app.key" || len(p.Sources) != 1 || p.Sources[0].Path != "/srv/app" {
		t.Errorf("%+v", p)
	}
	if time.Duration(p.Schedule.Every) != time.Hour || p.Retention.KeepLast != 72 || !*p.Retention.Prune {
		t.Errorf("%+v %+v", p.Schedule, p.Retention)
	}
	if l := p.Limits; l.Mode != "always" || l.CPU != 0.1 || l.IO != 0.3 || l.Memory != 256<<20 || l.First != "yield" {
		t.Errorf("%+v", l)
	}
	c, secret, err := p.Connect(environment())
	if err != nil || c.Location != "/backup/app" || secret.KeyFile != "/etc/qsnap/app.key" {
		t.Errorf("%v %v %v", c, secret, err)
	}
}

func TestSettingsAreAConfigurationOfTheirOwn(t *testing.T) {
	s := loaded(t, `
targets:
  cloud: {url: "webdavs://dav.example.org/qsnap", user: ann, password-file: ~/dav.password, type: nutstore}
  other: {url: /mnt/other}
profiles:
  default:
    exclude: ["*.tmp"]
    retention: {keep-last: 72}
  app:
    repo: {target: cloud, path: app}
    password-file: ~/app.password
    sources: [/srv/app, {path: /srv/spool, may-be-empty: true}]
    hooks: {before: [systemctl, stop, app]}
  rest: {repo: /backup/rest, sources: [/srv/rest]}
`)
	if p := s.Problems(); len(p) > 0 {
		t.Fatal(p)
	}
	p, err := s.Get("app")
	if err != nil {
		t.Fatal(err)
	}
	const want = `targets:
  cloud:
    url: webdavs://dav.example.org/qsnap
    type: nutstore
    user: ann
    password-file: /home/ann/dav.password
profiles:
  app:
    repo:
      target: cloud
      path: app
    password-file: /home/ann/app.password
    sources:
      - /srv/app
      - path: /srv/spool
        may-be-empty: true
    retention:
      keep-last: 72
    hooks:
      before:
        - command: [systemctl, stop, app]
    exclude:
      - '*.tmp'
`
	if got := string(p.Settings()); got != want {
		t.Errorf("settings:\n%s", got)
	}
	again, err := loaded(t, want).Get("app")
	if err != nil || string(again.Settings()) != want {
		t.Errorf("read again: %v\n%s", err, again.Settings())
	}
}
