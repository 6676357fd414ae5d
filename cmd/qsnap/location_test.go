package main

import (
	"maps"
	"net/url"
	"slices"
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
		l, err := parseLocation(text)
		if err != nil || l.scheme != want.scheme || l.rest != want.rest || l.String() != text {
			t.Errorf("%s: %+v, %v", text, l, err)
		}
		if l.directory() != want.rest {
			t.Errorf("%s is the directory %s", text, l.directory())
		}
	}
}

func TestLocationsThatMeanNothingAreRefused(t *testing.T) {
	known := strings.Join(slices.Sorted(maps.Keys(schemes)), ", ")
	for text, want := range map[string]string{
		"":                        "the name of the repository is empty",
		"ftp:x":                   `"ftp:x": nothing is known of ftp: targets, only of ` + known + `: a directory with such a name is written ./ftp:x`,
		"ftp://host/x":            `"ftp://host/x": nothing is known of ftp: targets, only of ` + known,
		"ann@host:/x":             `"ann@host:/x": this is not a way to name a repository: over SSH it is sftp://USER@HOST/DIRECTORY; a directory with such a name is written ./ann@host:/x`,
		"local://ann:secret@h/x":  `"local://ann:***@h/x" has a password in it, which all processes can see: put it in QSNAP_TARGET_PASSWORD, a file named by QSNAP_TARGET_PASSWORD_FILE, or ~/.netrc`,
		"https://ann:sec/ret@h/x": `"https://ann:***@h/x" can't be read as a URL: in names and paths, write special characters as % and two hexadecimal digits`,
	} {
		if _, err := parseLocation(text); err == nil || err.Error() != want {
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
		parseLocation(scheme)
		parseLocation(scheme + ":" + path)
		// A secret that is a part of something else may be shown with that.
		mark := "<" + secret + ">"
		if !isScheme(scheme) || url.PathEscape(user) != user || strings.Contains(user, "@") || strings.Contains(user, ":") {
			return
		}
		for _, text := range []string{scheme + "://" + user + ":" + mark + "@host" + path, scheme + "://host/x?password=" + url.QueryEscape(mark)} {
			l, err := parseLocation(text)
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
