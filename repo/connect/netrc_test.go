package connect

import (
	"slices"
	"strings"
	"testing"
)

func TestANetrcFileIsReadAsFtpAndCurlReadIt(t *testing.T) {
	for text, want := range map[string][]netrcEntry{
		"":                                    nil,
		"machine h login ann password secret": {{"h", "ann", "secret"}},
		"machine h\n\tlogin ann\r\n\tpassword secret\n\tlogin bob\n": {{"h", "bob", "secret"}},
		"machine a password x machine b login y default login z":     {{"a", "", "x"}, {"b", "y", ""}, {"", "z", ""}},
		"machine h account x password #1":                            {{"h", "", "#1"}},
		"# machine x\n  # login y\nmachine h\n":                      {{"h", "", ""}}, // a comment begins a line
		"machine h password \"a \\\"b\\\\\\n\\x\" login z":           {{"h", "z", "a \"b\\\nx"}},
		"machine h password \"\"":                                    {{"h", "", ""}},
		"machine a macdef init\nput machine x\nlogin y\n\nlogin z":   {{"a", "z", ""}},
		"macdef init\nno end\nlogin":                                 nil,
		"machine machine login login password password":              {{"machine", "login", "password"}},
	} {
		got, err := parseNetrc(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func TestABadNetrcFileIsNamedByLineAndNotQuoted(t *testing.T) {
	for text, want := range map[string]string{
		"machine h\nlogin ann\npassword secret words\n": "line 3: it has something else than machine, default, login, password, account and macdef",
		"machine h\nlogin":                        "line 2: login has no value",
		"machine h # not at the line's beginning": "line 1: it has something else than machine, default, login, password, account and macdef",
		"login ann":                               "line 1: login comes before any machine",
		"machine h\npassword \"secret\nwords":     "line 2: a quote has no end",
		"machine \"\"":                            "line 1: the machine's name is empty",
	} {
		if _, err := parseNetrc(text); err == nil || err.Error() != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestTheFirstEntryThatFitsCounts(t *testing.T) {
	entries := []netrcEntry{{"a", "ann", "1"}, {"a", "bob", "2"}, {"b:8443", "", "3"}, {"", "any", "4"}}
	for _, c := range []struct{ host, hostPort, user, password string }{
		{"a", "a:1", "", "1"},
		{"A", "A:1", "ann", "1"},
		{"a", "a:1", "bob", "2"},
		{"b", "b:8443", "eve", "3"},
		{"b", "b:1", "", "4"},
		{"c", "c:1", "any", "4"},
		{"a", "a:1", "eve", ""},
	} {
		if e, ok := findNetrc(entries, c.host, c.hostPort, c.user); e.password != c.password || ok != (c.password != "") {
			t.Errorf("%+v: %+v", c, e)
		}
	}
}

func FuzzNetrc(f *testing.F) {
	f.Add("machine h login ann password secret\nmacdef x\ny\n\ndefault login z")
	f.Add("machine \"a b\" password \"\\\"\\\\\\n\" account x # y\n# z")
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := parseNetrc(text)
		if err != nil {
			if e := err.Error(); !strings.HasPrefix(e, "line ") || len(e) > 120 {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		// Written anew, it reads the same.
		quote := func(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }
		var b strings.Builder
		for _, e := range entries {
			if e.machine == "" {
				b.WriteString("default")
			} else {
				b.WriteString("machine " + quote(e.machine))
			}
			b.WriteString(" login " + quote(e.login) + "\npassword " + quote(e.password) + "\n")
		}
		if again, err := parseNetrc(b.String()); err != nil || !slices.Equal(again, entries) {
			t.Errorf("%q: %+v, and again %+v, %v", text, entries, again, err)
		}
	})
}
