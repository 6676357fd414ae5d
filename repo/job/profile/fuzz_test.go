package profile_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo/job/profile"
)

// bombs are texts that are small and stand for much.
var bombs = map[string]string{
	"aliases of aliases": "profiles:\n  a: &a {exclude: [x, x, x, x, x, x, x, x, x]}\n" + doubled(40),
	"an alias of itself": "profiles:\n  app: &a\n    repo: /b\n    sources: &s [*s, *s]\n    hooks: *a\n",
	"a deep list":        "profiles:\n  app:\n    sources: " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + "\n",
	"a deep mapping":     "profiles: " + strings.Repeat("{a: ", 5000) + strings.Repeat("}", 5000) + "\n",
	"a default of aliases": "profiles:\n  default: &d {limits: &l {hours: &h [*l, *l, *l]}, hooks: {before: *h}}\n  app: {limits: *l, hooks: *d}\n" +
		"  b: *d\n",
	"many profiles":     "profiles:\n" + strings.Repeat("  a: {}\n", 20_000),
	"inherited by many": "profiles:\n  default: {tags: [" + strings.Repeat("x, ", 20_000) + "x], limits: {hours: []}}\n" + many(900),
	"a long name":       "profiles:\n  " + strings.Repeat("x", 500_000) + ": {}\n",
	"a long value":      "profiles:\n  a: {host: " + strings.Repeat("x", 500_000) + "}\n",
	"many unknown":      "profiles:\n  a:\n" + strings.Repeat("    repository-"+strings.Repeat("x", 40)+": 1\n", 5000),
}

// doubled returns lists of which each names the one before it twice.
func doubled(n int) string {
	var b strings.Builder
	b.WriteString("targets:\n  l0: &l0 [x, x]\n")
	for i := 1; i < n; i++ {
		prev := "*l" + string(rune('a'+i-1))
		if i == 1 {
			prev = "*l0"
		}
		b.WriteString("  l" + string(rune('a'+i)) + ": &l" + string(rune('a'+i)) + " [" + prev + ", " + prev + "]\n")
	}
	b.WriteString("  last: {known-hosts: *l" + string(rune('a'+n-1)) + "}\n")
	return b.String()
}

// many returns profiles that inherit all they have.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("  p" + strconv.Itoa(i) + ": {limits: {cpu: 1%}}\n")
	}
	return b.String()
}

func TestWhatStandsForTooMuchIsRefusedAtOnce(t *testing.T) {
	for name, text := range bombs {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			s := loaded(t, text)
			if len(s.Problems()) == 0 {
				t.Error("no problem was found")
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestAFileThatIsTooLargeIsRefused(t *testing.T) {
	name := written(t, strings.Repeat("# comment\n", 200_000))
	if _, err := profile.Load(name, nowhere); err == nil || !strings.Contains(err.Error(), "more than 1 MiB") {
		t.Error(err)
	}
}

func TestAliasesAreRead(t *testing.T) {
	s := loaded(t, "profiles:\n  a: &a {repo: /b, key-file: /k, sources: &s [/srv, /etc]}\n  b: {repo: /c, key-file: /k, sources: *s}\n  c: *a\n")
	if p := s.Problems(); len(p) > 0 {
		t.Fatal(p)
	}
	for _, name := range []string{"a", "b", "c"} {
		if p, err := s.Get(name); err != nil || len(p.Sources) != 2 {
			t.Errorf("%s: %v %v", name, p.Sources, err)
		}
	}
}

// FuzzLoad loads any text. What loads without a problem is shown, and is the same when that
// is loaded; and so are the settings that a manifest gets.
func FuzzLoad(f *testing.F) {
	f.Add(smallest)
	f.Add(handWritten)
	f.Add(profile.Example())
	for _, text := range bombs {
		if len(text) < 10_000 {
			f.Add(text)
		}
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		name := filepath.Join(dir, "c.yaml")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := profile.Load(name, nowhere)
		if err != nil {
			return
		}
		for _, p := range s.Problems() {
			if p.Text == "" || p.File != name || p.Line < 0 || strings.Contains(p.Error(), "\n") {
				t.Errorf("%+v", p)
			}
		}
		shown, err := s.Show("")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, shown, 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := profile.Load(name, nowhere)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range s.Names() {
			p, err := s.Get(name)
			if err != nil {
				continue
			}
			same, err := again.Get(name)
			if err != nil {
				t.Fatalf("shown as\n%s: %v", shown, err)
			}
			if a, b := string(p.Settings()), string(same.Settings()); a == "" || b == "" {
				t.Errorf("no settings of %q", text)
			}
		}
	})
}

// FuzzEdit changes a key of any file that loads. Either nothing is written, or the key has
// its value and all else is as it was.
func FuzzEdit(f *testing.F) {
	for _, text := range []string{smallest, handWritten, profile.Example()} {
		f.Add(text, "retention.keep-last", "7")
		f.Add(text, "exclude", "[a, 'b c', \"#\"]")
		f.Add(text, "hooks.before", "{shell: 'a: b'}")
		f.Add(text, "schedule.cron", "* * * * *")
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text, key, value string) {
		name := filepath.Join(dir, "c.yaml")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		before, err := profile.Load(name, nowhere)
		if err != nil || len(before.Names()) == 0 {
			return
		}
		target := before.Names()[0]
		if err := profile.Change(name, nowhere, target, []profile.Setting{{Key: key, Value: value}}); err != nil {
			if b, e := os.ReadFile(name); e != nil || string(b) != text {
				t.Errorf("after %v the file is %q, %v", err, b, e)
			}
			return
		}
		after, err := profile.Load(name, nowhere)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := after.Get(target); err != nil {
			t.Error(err)
		}
		for _, other := range before.Names()[1:] {
			a, err1 := before.Get(other)
			b, err2 := after.Get(other)
			if (err1 == nil) != (err2 == nil) || err1 == nil && string(a.Settings()) != string(b.Settings()) {
				t.Errorf("profile %s has changed: %v, %v", other, err1, err2)
			}
		}
	})
}

// FuzzValues reads values. What is read is written so that it is read again.
func FuzzValues(f *testing.F) {
	for _, s := range []string{"1h", "90m", "2d", "10%", "0.5%", "unlimited", "200M", "5M/s", "22:00-06:00", "mon-fri 08:00-18:00", "sat,mon 00:00-24:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		roundTrip[profile.Duration](t, s)
		roundTrip[profile.Size](t, s)
		roundTrip[profile.Rate](t, s)
		roundTrip[profile.Percent](t, s)
		roundTrip[profile.Share](t, s)
		roundTrip[profile.Window](t, s)
	})
}

// roundTrip reads a value, and reads what it is written as.
func roundTrip[V comparable, P interface {
	*V
	UnmarshalText([]byte) error
	MarshalText() ([]byte, error)
}](t *testing.T, s string) {
	t.Helper()
	var v, again V
	if P(&v).UnmarshalText([]byte(s)) != nil {
		return
	}
	text, err := P(&v).MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	if err := P(&again).UnmarshalText(text); err != nil {
		t.Fatalf("%T %q is written as %q: %v", v, s, text, err)
	}
	if second, _ := P(&again).MarshalText(); string(second) != string(text) {
		t.Errorf("%T %q is written as %q, and then as %q", v, s, text, second)
	}
}
