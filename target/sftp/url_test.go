package sftp

import (
	"strings"
	"testing"
)

func TestURLs(t *testing.T) {
	for text, want := range map[string]location{
		"sftp://host/srv/app":              {host: "host", path: "/srv/app"},
		"sftp://me@Host.Example:2222/srv/": {user: "me", host: "Host.Example", port: "2222", path: "/srv"},
		"sftp://host//srv//app/../x":       {host: "host", path: "/srv/x"},
		"sftp://host/../etc":               {host: "host", path: "/etc"},
		"sftp://host/":                     {host: "host", path: "/"},
		"sftp://host/~/app":                {host: "host", path: "app", home: true},
		"sftp://host/./app/":               {host: "host", path: "app", home: true},
		"sftp://host/~":                    {host: "host", path: ".", home: true},
		"sftp://host/~/../other":           {host: "host", path: "../other", home: true},
		"sftp://host/~bob/app":             {host: "host", path: "/~bob/app"},
		"sftp://[2001:db8::1]:22/a":        {host: "2001:db8::1", port: "22", path: "/a"},
		"sftp://[fe80::1%25eth0]/a":        {host: "fe80::1%eth0", path: "/a"},
		"sftp://a%40b@host/with%20space":   {user: "a@b", host: "host", path: "/with space"},
		"sftp://host/%3F%23%25":            {host: "host", path: "/?#%"},
	} {
		got, err := parseURL(text)
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v", text, got, err)
			continue
		}
		if again, err := parseURL(got.String()); err != nil || again != got {
			t.Errorf("%s: %s is %+v, %v", text, got, again, err)
		}
	}
}

func TestWhatIsNoURLIsRefusedWithoutRepeatingIt(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "not an SFTP URL",
		"sftp:host:/secret":                 "not an SFTP URL",
		"sftp:///secret":                    "not an SFTP URL",
		"http://host/secret":                "not an SFTP URL",
		"sftp://user:secret@host/path":      "has a password",
		"sftp://user:@host/secret":          "has a password",
		"sftp://user:secret/path":           "not an SFTP URL",
		"sftp://user:se%zzcret@host/path":   "not an SFTP URL",
		"sftp://user:sec/ret@host/secret":   "not an SFTP URL",
		"sftp://host:99999/secret":          "not an SFTP URL",
		"sftp://host:0/secret":              "not an SFTP URL",
		"sftp://host":                       "names no directory",
		"sftp://host/path?secret":           "has a ? or #",
		"sftp://host/path?":                 "has a ? or #",
		"sftp://host/path#secret":           "has a ? or #",
		"sftp://-oProxyCommand=secret/path": "not an SFTP URL",
		"sftp://-secret@host/path":          "not an SFTP URL",
		"sftp://host;secret/path":           "not an SFTP URL",
		"sftp://a$(secret)/path":            "not an SFTP URL",
		"sftp://host/pa%00th":               "not an SFTP URL",
	} {
		_, err := parseURL(text)
		saysInOneLine(t, err, want)
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%v: it repeats what is in the URL", err)
		}
	}
	_, err := Open(t.Context(), Options{URL: "sftp://user:secret@host/path"})
	if err == nil || isTemporary(err) || strings.Contains(err.Error(), "secret") {
		t.Errorf("open: %v", err)
	}
}

func FuzzURL(f *testing.F) {
	for _, text := range []string{"sftp://u@h:22/p", "sftp://[::1]:22/~/p", "sftp://h/./a/../b", "sftp://h/%25%20", "sftp://u:p@h/x", "sftp://::/"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := parseURL(text)
		if err != nil {
			return
		}
		again, err := parseURL(l.String())
		if err != nil || again != l {
			t.Errorf("%q: %+v is written as %q, which is %+v, %v", text, l, l, again, err)
		}
		if strings.ContainsAny(l.host, " \t\n'\"`$;&|") || strings.HasPrefix(l.host, "-") || strings.ContainsAny(l.user, " \t\n'\"`;&|") || strings.HasPrefix(l.user, "-") {
			t.Errorf("%q: a shell could misread %+v", text, l)
		}
	})
}
