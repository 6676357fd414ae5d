package profile_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/repo/job/profile"
)

const handWritten = `# The jobs of web1.

targets:
    cloud: {url: "webdavs://dav.example.org/qsnap", user: ann}   # Ann's

profiles:
    # What all share.
    default:
        exclude: ['*.tmp']   # quoted by hand


    # The shop.
    app:
        repo:   /backup/app      # two spaces more
        key-file: /etc/qsnap/app.key
        sources:
            - /srv/app           # the code

            - /var/lib/app       # the data
        schedule: {every: 1h}    # or cron
        retention:
            # Three days.
            keep-last: 72
        # The end of app.

    # The rest.
    rest:
        repo: {target: cloud, path: rest}
        password-command: >-
            pass show
            # no comment
            backup/rest
        sources: [/home]

# The end.
`

// The settings of a manifest become a profile again, on a machine without a configuration and
// beside other profiles.
func TestAProfileIsRecoveredFromItsSettings(t *testing.T) {
	p, err := loaded(t, handWritten).Get("rest")
	if err != nil {
		t.Fatal(err)
	}
	getenv := environment()
	for name, before := range map[string]string{"no configuration": "", "another one": "targets:\n  nas: {url: /nas} # mine\nprofiles:\n  app: {repo: /a, sources: [/b], key-file: /k}\n"} {
		path := filepath.Join(t.TempDir(), "config.yaml")
		if before != "" {
			path = written(t, before)
		}
		change := []profile.Setting{{Key: "key-file", Value: "/etc/rest.key"}, {Key: "retention.keep-last", Value: "5"}}
		if err := profile.Recover(path, getenv, "rest", p.Settings(), change); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s, err := profile.Load(path, getenv)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Get("rest")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !got.Paused || got.Repo.String() != p.Repo.String() || got.KeyFile != "/etc/rest.key" || got.PasswordCommand != "" ||
			got.Retention.KeepLast != 5 || len(got.Sources) != 1 || got.Sources[0].Path != "/home" || len(got.Exclude) != 1 {
			t.Errorf("%s: recovered\n%s", name, got.Settings())
		}
		text, err := os.ReadFile(path)
		if err != nil || before != "" && !strings.Contains(string(text), "nas: {url: /nas} # mine\n") {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
		if err := profile.Recover(path, getenv, "rest", p.Settings(), nil); err == nil || !strings.Contains(err.Error(), "already") {
			t.Errorf("%s: recovered twice: %v", name, err)
		}
	}
	for _, bad := range []string{"", "profiles: [", "profiles: {app: {}}", "targets: {}"} {
		path := filepath.Join(t.TempDir(), "config.yaml")
		if err := profile.Recover(path, getenv, "rest", []byte(bad), nil); err == nil {
			t.Errorf("recovered from %q", bad)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%q: a file was made", bad)
		}
	}
}

// changed edits a configuration and returns its text after that.
func changed(t *testing.T, text string, edit func(path string) error) string {
	t.Helper()
	name := written(t, text)
	if err := edit(name); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var nowhere = environment("HOME=/home/ann")

func TestAnEditChangesNoOtherLine(t *testing.T) {
	for _, c := range []struct {
		name         string
		edit         func(path string) error
		before, then string // text that is replaced
	}{
		{"a value", set("app", "repo", "/backup/other"), "repo:   /backup/app      # two", "repo: /backup/other # two"},
		{"a value in a block", set("app", "retention.keep-last", "48"), "keep-last: 72", "keep-last: 48"},
		{"a new key in a block", set("app", "retention.keep-daily", "7"), "keep-last: 72\n", "keep-last: 72\n            keep-daily: 7\n"},
		{"a new key at the end", set("app", "priority", "7"), "            keep-last: 72\n", "            keep-last: 72\n        priority: 7\n"},
		{"a key in a flow mapping", set("app", "schedule.full", "weekly"), "{every: 1h}    #", "{every: 1h, full: weekly} #"},
		{"an alternative", set("app", "schedule.cron", `"0 * * * *"`), "{every: 1h}    #", `{cron: "0 * * * *"} #`},
		{"an alternative with a line of its own", set("app", "credential", "app"), "        key-file: /etc/qsnap/app.key\n", ""},
		{"a mapping that is new", set("app", "limits.cpu", "5%"), "            keep-last: 72\n", "            keep-last: 72\n        limits:\n          cpu: 5%\n"},
		{"the last key of the last profile", set("rest", "host", "web2"), "sources: [/home]\n", "sources: [/home]\n        host: web2\n"},
		{"a text over several lines", set("rest", "password-file", "/etc/rest.password"), "        password-command: >-\n            pass show\n            # no comment\n            backup/rest\n", ""},
		{"a list", set("app", "sources", "[/srv]"), "sources:\n            - /srv/app           # the code\n\n            - /var/lib/app       # the data\n", "sources: [/srv]\n"},
		{"what all inherit", set("default", "one-file-system", "true"), "# quoted by hand\n", "# quoted by hand\n        one-file-system: true\n"},
		{"removing a key", remove("app", "schedule"), "        schedule: {every: 1h}    # or cron\n", ""},
		{"removing a key with its comment", remove("app", "retention.keep-last"), "        retention:\n            # Three days.\n            keep-last: 72\n", "        retention: {}\n"},
		{"removing a profile with its comment", remove("rest"), handWritten[strings.Index(handWritten, "    # The rest."):strings.Index(handWritten, "\n# The end.")], ""},
		{"adding a profile", add("new", "repo", "/backup/new", "key-file", "/k", "sources", "[/srv/new]", "schedule.every", "1h"), "sources: [/home]\n",
			"sources: [/home]\n    new:\n      repo: /backup/new\n      key-file: /k\n      sources: [/srv/new]\n      schedule:\n        every: 1h\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Count(handWritten, c.before) != 1 {
				t.Fatalf("%q is there %d times", c.before, strings.Count(handWritten, c.before))
			}
			want := strings.Replace(handWritten, c.before, c.then, 1)
			got := changed(t, handWritten, c.edit)
			if strings.Contains(c.name, "its own") {
				want = strings.Replace(want, "            keep-last: 72\n", "            keep-last: 72\n        credential: app\n", 1)
			}
			if strings.Contains(c.name, "several lines") {
				want = strings.Replace(want, "sources: [/home]\n", "sources: [/home]\n        password-file: /etc/rest.password\n", 1)
			}
			if got != want {
				t.Errorf("got:\n%s", got)
			}
		})
	}
}

func set(name string, settings ...string) func(string) error {
	return func(path string) error { return profile.Change(path, nowhere, name, pairs(settings)) }
}

func add(name string, settings ...string) func(string) error {
	return func(path string) error { return profile.Add(path, nowhere, name, pairs(settings)) }
}

func remove(name string, keys ...string) func(string) error {
	return func(path string) error { return profile.Remove(path, nowhere, name, keys) }
}

func pairs(words []string) (out []profile.Setting) {
	for i := 0; i+1 < len(words); i += 2 {
		out = append(out, profile.Setting{Key: words[i], Value: words[i+1]})
	}
	return out
}

func TestWhatDoesNotCheckIsNotWritten(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(path string) error
		want string
	}{
		{"an unknown key", set("app", "retention.keep-lats", "3"), "there is no such key; you probably mean keep-last"},
		{"a wrong value", set("app", "limits.cpu", "lots"), "write a percentage"},
		{"a profile without a source", add("new", "repo", "/backup/new"), "sources is missing"},
		{"a profile that is there", add("app", "repo", "/x"), `there is a profile "app" already`},
		{"a profile that isn't there", set("ap", "host", "x"), "there is no profile \"ap\"; you probably mean app"},
		{"a bad name", add("a b", "repo", "/x"), "letters a to z"},
		{"a secret", set("app", "password", "1234"), "a secret does not belong in the configuration"},
		{"a key that isn't there", remove("app", "host"), `no key "host" of its own`},
		{"what another inherits", set("default", "limits.cpu", "200%"), "write a percentage"},
		{"no YAML", set("app", "host", "[a"), "the value is not YAML"},
		{"an empty key", set("app", "limits..cpu", "1%"), "is no key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := written(t, handWritten)
			err := c.edit(name)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if b, err := os.ReadFile(name); err != nil || string(b) != handWritten {
				t.Errorf("the file has changed: %v\n%s", err, b)
			}
			if all, _ := os.ReadDir(filepath.Dir(name)); len(all) != 1 {
				t.Errorf("%d files are left", len(all))
			}
		})
	}
}

func TestAddMakesTheFirstConfiguration(t *testing.T) {
	name := filepath.Join(t.TempDir(), "etc", "qsnap", "config.yaml")
	if err := add("app", "repo", "/backup/app", "key-file", "app.key", "sources", "[/srv/app]")(name); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(name)
	const want = "profiles:\n  app:\n    repo: /backup/app\n    key-file: app.key\n    sources: [/srv/app]\n"
	if err != nil || string(b) != want {
		t.Errorf("%v\n%s", err, b)
	}
	if err := add("b", "repo", "/b", "key-file", "/k", "sources", "/srv/b")(name); err != nil {
		t.Fatal(err)
	}
	if err := remove("app")(name); err != nil {
		t.Fatal(err)
	}
	if err := remove("b")(name); err != nil {
		t.Fatal(err)
	}
	if b, _ = os.ReadFile(name); string(b) != "profiles: {}\n" {
		t.Errorf("after all were removed:\n%s", b)
	}
	if err := add("app", "repo", "/backup/app", "key-file", "app.key", "sources", "[/srv/app]")(name); err != nil {
		t.Fatal(err)
	}
	if b, _ = os.ReadFile(name); string(b) != want {
		t.Errorf("after one was added again:\n%s", b)
	}
}

func TestAnEditKeepsTheModeAndFollowsLinks(t *testing.T) {
	real := written(t, smallest)
	if err := os.Chmod(real, 0o640); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.Symlink(real, link); err != nil {
		t.Skip(err)
	}
	if err := set("app", "host", "web1")(link); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(real)
	if err != nil || info.Mode() != 0o640 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v", err)
	}
}

func TestAnEditOfAProfileChangesTheFileThatHasIt(t *testing.T) {
	name := written(t, smallest)
	other := filepath.Join(filepath.Dir(name), "conf.d", "b.yaml")
	if err := os.Mkdir(filepath.Dir(other), 0o755); err != nil {
		t.Fatal(err)
	}
	const text = "profiles:\n  b:\n    repo: /backup/b\n    key-file: /k\n    sources: [/srv/b]\n"
	if err := os.WriteFile(other, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := set("b", "paused", "true")(name); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(other); err != nil || string(b) != text+"    paused: true\n" {
		t.Errorf("%v\n%s", err, b)
	}
	if b, err := os.ReadFile(name); err != nil || string(b) != smallest {
		t.Errorf("%v\n%s", err, b)
	}
}

func TestTwoEditsAtOnceDoNotMix(t *testing.T) {
	name := written(t, smallest)
	if err := os.WriteFile(name+".new", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := set("app", "host", "web1")(name)
	if err == nil || !strings.Contains(err.Error(), "another edit is under way") {
		t.Error(err)
	}
	var wrong profile.Problems
	if err := set("app", "host", "[]")(name); !errors.As(err, &wrong) {
		t.Errorf("%T %v", err, err)
	}
}

func TestRelativeNamesBelongToTheDirectoryOfTheSetting(t *testing.T) {
	got := changed(t, smallest, func(path string) error {
		return profile.Change(path, nowhere, "app", []profile.Setting{
			{Key: "sources", Value: "[srv, /etc, ~/docs, {path: spool}]", Dir: "/work"}, {Key: "repo", Value: "backup", Dir: "/work"},
			{Key: "replicas", Value: "sftp://host/backup", Dir: "/work"}, {Key: "exclude", Value: "cache", Dir: "/work"}, {Key: "cache-dir", Value: "c", Dir: "/work"},
		})
	})
	for _, want := range []string{"sources: [/work/srv, /etc, ~/docs, {path: spool}]", "repo: /work/backup", "replicas: sftp://host/backup", "exclude: cache", "cache-dir: /work/c"} {
		if !strings.Contains(got, "    "+want+"\n") {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}
