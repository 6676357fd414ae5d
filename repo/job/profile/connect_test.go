package profile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/repo/job/profile"
)

// got returns a profile of a configuration without problems.
func got(t *testing.T, text, name string) profile.Profile {
	t.Helper()
	s := loaded(t, text)
	for _, p := range s.Problems() {
		t.Error(p)
	}
	p, err := s.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestATargetSaysHowALocationIsReached(t *testing.T) {
	p := got(t, `
targets:
  dav:
    url: webdavs://dav.jianguoyun.com/dav/a%20b/
    type: nutstore
    user: ann
    password-file: /etc/dav.password
    ca-file: /etc/ca.pem
    limit-upload: 2M
    limit-download: 1M
    retry-for: 0s
  paid: {url: "webdavs://dav.example.org/x?requests=9&per=1m", type: nutstore-paid}
  own: {url: "webdav://dav.example.org", requests: 10, per: 1h}
  bucket: {url: "s3://bucket/pre?region=eu", object-lock: 30d, password-command: "pass show s3"}
  disk: {url: /mnt/disk}
profiles:
  app:
    repo: {target: dav, path: /backups/my app}
    key-file: /k
    sources: /srv
    limits: {upload: 1M, download: 3M}
    replicas:
      - {target: paid}
      - {target: own, path: r}
      - {target: bucket, path: r}
      - {target: disk, path: r}
      - /mnt/usb
`, "app")
	c, secret, err := p.Connect(environment("QSNAP_TARGET_PASSWORD=other", "QSNAP_TARGET_CA_FILE=x", "A=b"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Location != "webdavs://dav.jianguoyun.com/dav/a%20b/backups/my%20app?requests=600&per=30m0s" {
		t.Errorf("the location is %s", string(c.Location))
	}
	if c.User != "ann" || c.CAFile != "/etc/ca.pem" || c.UploadRate != 1<<20 || c.DownloadRate != 1<<20 || c.RetryFor != connect.Once || secret.KeyFile != "/k" {
		t.Errorf("%+v %+v", c, secret)
	}
	for name, want := range map[string]string{"QSNAP_TARGET_PASSWORD": "", "QSNAP_TARGET_PASSWORD_FILE": "/etc/dav.password", "A": "b"} {
		if v := c.Getenv(name); v != want {
			t.Errorf("$%s is %q, want %q", name, v, want)
		}
	}
	if n := p.Repo.NewPackSize(); n != 32<<20 {
		t.Errorf("packs of %d bytes", n)
	}
	for i, want := range []string{
		"webdavs://dav.example.org/x?requests=9&per=1m", "webdav://dav.example.org/r?requests=10&per=1h0m0s",
		"s3://bucket/pre/r?region=eu", "/mnt/disk/r", "/mnt/usb",
	} {
		c, err := p.ConnectReplica(p.Replicas[i], environment())
		if err != nil || string(c.Location) != want || c.Check() != nil {
			t.Errorf("%s: %v, %v", string(c.Location), err, c.Check())
		}
		if lock := map[bool]string{true: "30d"}[i == 2]; c.ObjectLock != lock {
			t.Errorf("%v is locked for %q", c, c.ObjectLock)
		}
	}
}

func TestACredentialIsAKeyOrAPassword(t *testing.T) {
	p := got(t, "profiles:\n  app: {repo: /b, credential: app, sources: /srv, copies: [{repo: /c, credential: copy}]}\n", "app")
	if _, _, err := p.Connect(environment()); err == nil || !strings.Contains(err.Error(), "LoadCredential=app:FILE") {
		t.Error(err)
	}
	dir := t.TempDir()
	key, err := repo.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"app": key, "copy": "a password\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	getenv := environment("CREDENTIALS_DIRECTORY=" + dir)
	if _, s, err := p.Connect(getenv); err != nil || s.KeyFile != filepath.Join(dir, "app") || s.PasswordFile != "" {
		t.Errorf("%+v %v", s, err)
	}
	if c, s, err := p.ConnectCopy(p.Copies[0], getenv); err != nil || s.PasswordFile != filepath.Join(dir, "copy") || s.KeyFile != "" || c.Location != "/c" {
		t.Errorf("%+v %v", s, err)
	}
}

func TestWindowsContainTheirHours(t *testing.T) {
	for text, times := range map[string]map[string]bool{
		"22:00-06:00":             {"Mon 21:59": false, "Mon 22:00": true, "Tue 05:59": true, "Tue 06:00": false},
		"mon-fri 08:00-18:00":     {"Mon 08:00": true, "Sun 08:00": false, "Fri 17:59": true, "Fri 18:00": false},
		"fri 22:00-06:00":         {"Fri 23:00": true, "Sat 03:00": true, "Fri 03:00": false, "Sat 23:00": false},
		"sat-mon,wed 00:00-24:00": {"Sat 00:00": true, "Sun 12:00": true, "Mon 23:59": true, "Tue 12:00": false, "Wed 12:00": true},
	} {
		var w profile.Window
		if err := w.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		for when, want := range times {
			day := strings.Index("SunMonTueWedThuFriSat", when[:3]) / 3
			clock, err := time.Parse("15:04", when[4:])
			if err != nil {
				t.Fatal(err)
			}
			at := time.Date(2026, 11, 29+day, clock.Hour(), clock.Minute(), 30, 0, time.UTC) // from a Sunday on
			if w.Contains(at) != want {
				t.Errorf("%s contains %s: %v", text, at.Format("Mon 15:04"), !want)
			}
		}
	}
	for _, text := range []string{"", "8-9", "08:00", "08:00-08:00", "24:00-01:00", "08:60-09:00", "foo 08:00-09:00", "mon 08:00-09:00 x", "mon-x 08:00-09:00", "-1:00-02:00"} {
		var w profile.Window
		if err := w.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %v", text, w)
		}
	}
}

func TestADayHasItsSliceOfTheData(t *testing.T) {
	p := got(t, "profiles:\n  app: {repo: /b, key-file: /k, sources: /srv}\n", "app")
	seen := map[int]bool{}
	for day := range 30 {
		at := time.Date(2026, 11, 1+day, 23, 59, 0, 0, time.FixedZone("", -8*3600))
		o, slice := p.Verify.Options(at)
		if !o.ReadData || o.Of != 30 || slice == "" {
			t.Fatalf("%+v %q", o, slice)
		}
		seen[o.Part] = true
	}
	if len(seen) != 30 {
		t.Errorf("%d parts in 30 days", len(seen))
	}
}
