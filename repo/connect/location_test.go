package connect

import (
	"net/url"
	"strings"
	"testing"
)

func TestLocationsAreReadAsTheyAreMeant(t *testing.T) {
	for text, want := range map[string]struct{ scheme, rest string }{
		"/srv/backup":      {"", "/srv/backup"},
		"backup":           {"", "backup"},
		"./a:b":            {"", "./a:b"},
		"dir/a:b":          {"", "dir/a:b"},
		"v1.2:old":         {"", "v1.2:old"},
		":x":               {"", ":x"},
		"9:x":              {"", "9:x"},
		"two words:x":      {"", "two words:x"},
		`C:\backup`:        {"", `C:\backup`},
		"c:/backup":        {"", "c:/backup"},
		`\\server\share:x`: {"", `\\server\share:x`},
		"/a@b:c":           {"", "/a@b:c"},
		"local:dir:x":      {"local", "dir:x"},
		"LOCAL:/Dir":       {"local", "/Dir"},
		"local:":           {"local", ""},
	} {
		l := Location(text)
		e, err := l.read()
		if err != nil || e.Scheme != want.scheme || e.Rest != want.rest || l.String() != text {
			t.Errorf("%s: %+v, %v", text, e, err)
		}
		if l.Directory() != want.rest {
			t.Errorf("%s is the directory %s", text, l.Directory())
		}
	}
}

func TestADirectoryHasALocationWhateverItsName(t *testing.T) {
	for dir, want := range map[string]Location{"/srv/backup": "/srv/backup", "s3:x": "local:s3:x", "ann@host:x": "local:ann@host:x", `C:\x`: `C:\x`} {
		if l := Directory(dir); l != want || l.Directory() != dir {
			t.Errorf("%s: %s, which is %s", dir, l, l.Directory())
		}
	}
	for _, l := range []Location{"s3://bucket/x", "rclone:remote:x", "sftp://host/x", ""} {
		if dir := l.Directory(); dir != "" {
			t.Errorf("%s is the directory %s", l, dir)
		}
	}
}

func TestLocationsThatMeanNothingAreRefused(t *testing.T) {
	const known = "local, rclone, s3, sftp, webdav, webdavs"
	for text, want := range map[Location]string{
		"":                        "the name of the repository is empty",
		"ftp:x":                   `"ftp:x": nothing is known of ftp: targets, only of ` + known + `: a directory with such a name is written ./ftp:x`,
		"ftp://host/x":            `"ftp://host/x": nothing is known of ftp: targets, only of ` + known,
		"ann@host:/x":             `"ann@host:/x": this is not a way to name a repository: over SSH it is sftp://USER@HOST/DIRECTORY; a directory with such a name is written ./ann@host:/x`,
		"local://ann:secret@h/x":  `"local://ann:***@h/x" has a password in it, which all processes can see: put it in QSNAP_TARGET_PASSWORD, a file named by QSNAP_TARGET_PASSWORD_FILE, or ~/.netrc`,
		"https://ann:sec/ret@h/x": `"https://ann:***@h/x" can't be read as a URL: in names and paths, write special characters as % and two hexadecimal digits`,
	} {
		if err := (Config{Location: text}).Check(); err == nil || err.Error() != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestWhatIsPrintedHoldsNoSecret(t *testing.T) {
	for text, want := range map[string]string{
		"https://host:8080/a?b=c":              "https://host:8080/a?b=c",
		"https://[::1]:8080/a":                 "https://[::1]:8080/a",
		"sftp://ann@host:22/a@b":               "sftp://ann@host:22/a@b",
		"https://ann:secret@host/a":            "https://ann:***@host/a",
		"https://ann:se@cret@host/a":           "https://ann:***@host/a",
		"https://ann:se/c@ret@host/a":          "https://ann:***@host/a",
		"https://ann:1?secret@host/a":          "https://ann:***@host/a",
		"https://ann:1#secret@host/a":          "https://ann:***@host/a",
		"https://:secret@host/a":               "https://:***@host/a",
		"s3://b/a?region=x&Secret_Key=s&y":     "s3://b/a?region=x&Secret_Key=***&y",
		"s3://b/a?access-token=s&X-Amz-Auth=s": "s3://b/a?access-token=***&X-Amz-Auth=***",
	} {
		if got := redact(text); got != want {
			t.Errorf("%s is shown as %s, want %s", text, got, want)
		}
	}
}

func FuzzLocation(f *testing.F) {
	for _, s := range []string{"secret", "se@cret", "se/cret", "se?cret", "se#cret", "se:cret", "%zz", "\x00", " ", "//"} {
		f.Add("https", "ann", s, "/path?region=x")
	}
	f.Fuzz(func(t *testing.T, scheme, user, secret, path string) {
		_ = Config{Location: Location(scheme)}.Check()
		_ = Config{Location: Location(scheme + ":" + path)}.Check()
		// A secret that is a part of something else may be shown with that.
		mark := "<" + secret + ">"
		if !isScheme(scheme) || url.PathEscape(user) != user || strings.Contains(user, "@") || strings.Contains(user, ":") {
			return
		}
		for _, text := range []string{scheme + "://" + user + ":" + mark + "@host" + path, scheme + "://host/x?password=" + url.QueryEscape(mark)} {
			l := Location(text)
			err := Config{Location: l}.Check()
			if err == nil && strings.Contains(text, "@") {
				t.Errorf("%q is taken", text)
			}
			shown := l.String()
			if err != nil {
				shown += err.Error()
			}
			for _, s := range []string{mark, url.QueryEscape(mark)} {
				if strings.Contains(shown, s) {
					t.Errorf("%q shows %q: %s", text, s, shown)
				}
			}
		}
	})
}
