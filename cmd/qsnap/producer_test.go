package main

import (
	"io"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/internal/exit"
)

func TestPipesAreFoundInACommandLine(t *testing.T) {
	for line, want := range map[string]sureness{
		"pg_dump db":                       never,
		"a || b":                           never,
		"a ||b|| c":                        never,
		"grep 'a|b' f":                     never,
		`grep "a|b" f`:                     never,
		`grep a\|b f`:                      never,
		"a >|f":                            never,
		"a # b | c":                        never,
		"echo ${x#|}":                      never,
		"false | gzip":                     certain,
		"false|gzip":                       certain,
		"a |& b":                           certain,
		"(a; b) | c":                       certain,
		"a || b | c":                       certain,
		"a\nb | c":                         certain,
		"a # c\nb | c":                     certain,
		"a#b | c":                          certain,
		"echo '|' | a":                     certain,
		"pg_dump ${db} | gzip":             certain,
		"pg_dump briefcase | gzip":         certain,
		"$(a | b)":                         certain,
		"case x in a|b) c;; esac":          perhaps,
		"echo $((1|2))":                    perhaps,
		"cat <<E\n|\nE":                    perhaps,
		`echo "$(a | b)"`:                  perhaps,
		"echo \"`a | b`\"":                 perhaps,
		"echo 'it|":                        perhaps,
		"[[ a =~ b|c ]]":                   perhaps,
		"echo \"" + strings.Repeat("|", 9): perhaps,
	} {
		if got, _ := pipes(line); got != want {
			t.Errorf("%q: %d, want %d", line, got, want)
		}
	}
	for line, want := range map[string]bool{
		"ssh host 'pg_dump | gzip'": true, `sh -c "a|b"`: true, "eval 'a | b'": true, "ssh host 'set -o pipefail; a | b'": false,
		"ssh host a | b": false, "grep 'a|b' f": false, "/usr/bin/ssh h 'a|b'": true, "grep 'sshd|su' x": false,
	} {
		if _, nested := pipes(line); nested != want {
			t.Errorf("%q: %v", line, nested)
		}
	}
}

// output returns what a command line prints in a shell, and what the user is told.
func output(t *testing.T, shell []string, line string) (out, said string, err error) {
	t.Helper()
	var stderr strings.Builder
	p := &program{stdin: strings.NewReader("not for it"), stderr: &stderr}
	from, err := p.producerIn(t.Context(), shell, line)
	if err != nil {
		return "", stderr.String(), err
	}
	b, err := io.ReadAll(from)
	if stop := from.stop(); stop != nil {
		t.Error(stop)
	}
	return string(b), stderr.String(), err
}

func TestAProducerThatFailsAnywhereFails(t *testing.T) {
	shell := strictShell(t.Context())
	if shell == nil {
		t.Skip("no shell here knows pipefail")
	}
	for line, want := range map[string]string{
		"echo a":                          "a\n",
		"echo a | cat":                    "a\n",
		"cat":                             "",
		"true || false":                   "",
		"false || echo a":                 "a\n",
		"! false | cat":                   "",
		"(yes || [ $? = 141 ]) | head -1": "y\n",
	} {
		if out, said, err := output(t, shell, line); out != want || err != nil || said != "" {
			t.Errorf("%q: %q, %v, %s", line, out, err, said)
		}
	}
	for line, want := range map[string]string{
		"false | gzip":                  "exit status 1",
		"echo a | false | cat":          "exit status 1",
		"exit 3":                        "exit status 3",
		"false; echo a":                 "exit status 1",
		"cd /none; echo a":              "exit status 1",
		"yes | head -1":                 "stopped reading",
		"none-such | cat":               "exit status 127",
		"kill -9 $$":                    "signal: killed",
		"(echo a; kill $BASHPID) | cat": "exit status 143",
	} {
		if _, _, err := output(t, shell, line); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "no snapshot was made") {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestAPipeWithoutAShellForItIsRefused(t *testing.T) {
	if _, _, err := output(t, nil, "false | gzip"); exit.Of(err, true).Code != exitUsage || !strings.Contains(err.Error(), "install bash") {
		t.Error(err)
	}
	if out, said, err := output(t, nil, "echo '|'"); out != "|\n" || said != "" || err != nil {
		t.Error(out, said, err)
	}
	if out, said, err := output(t, nil, "case a in a|b) echo c;; esac"); out != "c\n" || !strings.HasPrefix(said, "qsnap: warning: ") || err != nil {
		t.Error(out, said, err)
	}
	if _, _, err := output(t, nil, "false; echo a"); err == nil {
		t.Error("a failure is not seen")
	}
}

func TestAStreamOfNothingIsNoSnapshot(t *testing.T) {
	dir := t.TempDir()
	key := dir + "/key"
	qsnap := func(stdin string, args ...string) (int, string) {
		var out, said strings.Builder
		p := &program{stdin: strings.NewReader(stdin), stdout: &out, stderr: &said, getenv: func(string) string { return "" }}
		code := p.run(t.Context(), append([]string{"qsnap", "-r", dir + "/r", "--key-file", key, "--cache-dir", dir + "/cache", "-q"}, args...))
		return code, out.String() + said.String()
	}
	if code, said := qsnap("", "init"); code != 0 {
		t.Fatal(said)
	}
	for _, c := range []struct {
		stdin string
		args  string
		want  int
		said  string
	}{
		{"", "snapshot --stdin", 1, "qsnap: standard input was empty, so no snapshot was made: use --allow-empty-source to take one anyway\n"},
		{"", "snapshot --stdin --dry-run", 1, "qsnap: standard input was empty"},
		{"x", "snapshot --command true", 1, "qsnap: command \"true\" printed nothing, so no snapshot was made: use --allow-empty-source to take one anyway\n"},
		{"x", "snapshot --command false", 1, "qsnap: command \"false\" failed, so no snapshot was made: exit status 1\n"},
		{"x", "snapshot --command false --allow-empty-source", 1, "failed, so no snapshot was made"},
		{"", "snapshot --stdin --allow-empty-source", 0, ""},
		{"x", "snapshot --command true --allow-empty-source", 0, ""},
		{"\n", "snapshot --stdin", 0, ""},
	} {
		if code, said := qsnap(c.stdin, strings.Fields(c.args)...); code != c.want || !strings.HasPrefix(said, c.said) && !strings.Contains(said, c.said) || c.said == "" && said != "" {
			t.Errorf("%s: exit code %d, %s", c.args, code, said)
		}
	}
	if _, out := qsnap("", "snapshots", "--json"); strings.Count(out, `"short_id"`) != 3 {
		t.Error(out)
	}
}
