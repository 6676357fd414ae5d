package main

import (
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// eachCommand calls f for each command, with the words that name it.
func eachCommand(commands []*cli.Command, words []string, f func(words []string, c *cli.Command)) {
	for _, c := range commands {
		here := append(slices.Clone(words), c.Name)
		f(here, c)
		eachCommand(c.Subcommands, here, f)
	}
}

// given runs a command line whose command only looks at a flag, and returns its values
// and the arguments.
func given(t *testing.T, flag string, list bool, words []string, args ...string) (values, rest []string, code int, said string) {
	t.Helper()
	var stderr strings.Builder
	p := &program{stdin: strings.NewReader(""), stdout: io.Discard, stderr: &stderr, getenv: func(string) string { return "" }}
	app := p.app()
	look := func(c *cli.Context) error {
		rest = c.Args().Slice()
		if values = []string{c.String(flag)}; list {
			values = c.StringSlice(flag)
		}
		return nil
	}
	app.Before, app.Action = nil, look
	eachCommand(app.Commands, nil, func(at []string, c *cli.Command) {
		if slices.Equal(at, words) {
			c.Action, c.ArgsUsage = look, "ANY..."
		}
	})
	args, _, err := normalizeArgs(app, append([]string{"qsnap"}, args...))
	if err == nil {
		err = app.RunContext(t.Context(), args)
	}
	return values, rest, p.end(t.Context(), err), stderr.String()
}

// oddValues returns values in which something else than the flag may see a meaning. They
// are made when asked for, as the test's binary is the program that other tests start.
func oddValues() []string {
	return []string{
		"a,b", ",", "*,v", `a\,b`, " x ", "x ", " ", "\tx", `"q"`, "'", "*", "\ufeffx", "\xff\xfe", "é", "-x", "--", "--json", "-", "=", "a=b",
		"$HOME", "%s", "help", "latest", "[]", "{}", "null", "#", "!", strings.Repeat("x", 1<<20), "two\nlines", "\r\n", "\x1b[m",
	}
}

func TestNoFlagSplitsTrimsOrDrops(t *testing.T) {
	t.Parallel()
	p := &program{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, getenv: func(string) string { return "" }}
	app := p.app()
	flags := 0
	try := func(words []string, f cli.Flag) {
		_, list := f.(listFlag)
		switch f.(type) {
		case *cli.BoolFlag, *cli.IntFlag, *cli.DurationFlag:
			return
		case listFlag, *cli.StringFlag:
		default:
			t.Fatalf("%s --%s: nothing is known of flags that are a %T", words, f.Names()[0], f)
		}
		flags++
		first := f.Names()[0]
		for _, name := range f.Names() {
			dash := map[bool]string{true: "-", false: "--"}[len(name) == 1] + name
			for n, value := range oddValues() {
				// Each way to write a flag, in turn.
				var line []string
				switch n % 4 {
				case 0:
					line = append(slices.Clone(words), "arg", dash, value)
				case 1:
					line = append(slices.Clone(words), "arg", dash+"="+value)
				case 2:
					line = append(slices.Clone(words), dash, value, "arg")
				case 3:
					line = append(slices.Clone(words), dash+"="+value, "--", "arg")
				}
				got, rest, code, said := given(t, first, list, words, line...)
				refused := slices.Contains(named, first) && strings.ContainsAny(value, "\t\n\r\x1b")
				switch {
				case refused && (code != exitUsage || !strings.Contains(said, "--"+first) || strings.Count(said, "\n") != 1):
					t.Errorf("%.99q: exit code %d, %q", line, code, said)
				case !refused && (code != 0 || !slices.Equal(got, []string{value}) || !slices.Equal(rest, []string{"arg"})):
					t.Errorf("%.99q: %.99q, arguments %q: exit code %d, %.99s", line, got, rest, code, said)
				}
			}
			line := append(slices.Clone(words), dash, "")
			if _, _, code, said := given(t, first, list, words, line...); (code != exitUsage || !strings.Contains(said, "--"+first)) != slices.Contains(mayBeEmpty, first) {
				t.Errorf("%q: exit code %d, %s", line, code, said)
			}
			// Several values keep their order, whatever names the flag was given by.
			line = append(slices.Clone(words), dash, "b,a", "--"+first, " c ", dash+"=a")
			got, _, code, said := given(t, first, list, words, line...)
			if list && (code != 0 || !slices.Equal(got, []string{"b,a", " c ", "a"})) || !list && (code != exitUsage || !strings.Contains(said, "is given twice")) {
				t.Errorf("%q: %q, exit code %d, %s", line, got, code, said)
			}
		}
	}
	for _, f := range app.Flags {
		try([]string{"snapshot"}, f)
	}
	eachCommand(app.Commands, nil, func(words []string, c *cli.Command) {
		for _, f := range c.Flags {
			try(words, f)
		}
	})
	if flags < 60 {
		t.Errorf("only %d flags", flags)
	}
}

func TestNumbersAreDecimal(t *testing.T) {
	for value, want := range map[string]int{"7": 0, "-1": 0, "0": 0, "010": 2, "0x10": 2, "1_0": 2, " 7": 2, "7 ": 2, "+7": 2, "1e3": 2, "": 2, "7,8": 2, "99999999999999999999": 2} {
		_, _, code, said := given(t, "keep-last", false, []string{"forget"}, "forget", "--keep-last", value)
		if code != want || want != 0 && (!strings.Contains(said, "keep-last") || strings.Count(said, "\n") != 1) {
			t.Errorf("%q: exit code %d, %s", value, code, said)
		}
	}
}

func TestAVariableHasAValueALine(t *testing.T) {
	for text, want := range map[string][]string{
		"":                     nil,
		"a,b":                  {"a,b"},
		" a \nb, c\r\n\n":      {" a ", "b, c"},
		"/x\n/y\n":             {"/x", "/y"},
		"s3://b/x,s3://b/y\na": {"s3://b/x,s3://b/y", "a"},
	} {
		t.Setenv("QSNAP_REPLICAS", text)
		if got, _, code, said := given(t, "replica", true, []string{"snapshots"}, "snapshots"); code != 0 || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %d, %s", text, got, code, said)
		}
		if got, _, code, said := given(t, "replica", true, []string{"snapshots"}, "snapshots", "--replica", "x,y"); code != 0 || !slices.Equal(got, []string{"x,y"}) {
			t.Errorf("%q and a flag: %q, %d, %s", text, got, code, said)
		}
	}
	dir := t.TempDir()
	both := dir + "/a," + dir + "/b"
	t.Setenv("QSNAP_REPLICAS", both)
	if code, _, said := runIn(t.Context(), nil, "-r", dir, "snapshots"); code != exitUsage || !strings.Contains(said, "write each replica on a line of its own") {
		t.Error(code, said)
	}
	if err := os.MkdirAll(both, 0o700); err != nil {
		t.Fatal(err)
	}
	if code, _, said := runIn(t.Context(), nil, "-r", dir, "snapshots"); code != exitNoRepo {
		t.Error(code, said)
	}
	if code, _, said := runIn(t.Context(), nil, "-r", dir, "snapshots", ""); code != exitUsage || said != "qsnap: an argument is empty: leave it out, or give it a value\n" {
		t.Error(code, said)
	}
	if code, _, said := runIn(t.Context(), nil, "--json", "snapshots", "--host", ""); code != exitUsage || !strings.Contains(said, `"kind":"usage"`) {
		t.Error(code, said)
	}
}

func TestNoCommandPassesOverAnArgument(t *testing.T) {
	p := &program{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, getenv: func(string) string { return "" }}
	eachCommand(p.app().Commands, nil, func(words []string, c *cli.Command) {
		if len(c.Subcommands) > 0 || strings.Contains(c.ArgsUsage, "...") {
			return
		}
		line := slices.Clone(words)
		for range strings.Fields(c.ArgsUsage) {
			line = append(line, "x")
		}
		for _, line := range [][]string{append(slices.Clone(line), "odd one"), append(slices.Clone(line), "--", "odd one")} {
			code, _, said := runIn(t.Context(), nil, line...)
			if code != exitUsage || strings.Count(said, "\n") != 1 || !strings.Contains(said, `"odd one"`) || !strings.HasPrefix(said, "qsnap: "+strings.Join(words, " ")+" takes ") {
				t.Errorf("%q: exit code %d, %s", line, code, said)
			}
		}
	})
	for _, line := range []string{"prune --wait -1s", "prune --time-budget=-1m", "snapshots --retry-for -1s", "snapshots --last -1", "forget --keep-last 1 --wait=-1s"} {
		if code, _, said := runIn(t.Context(), nil, strings.Fields(line)...); code != exitUsage || !strings.Contains(said, "must not be negative") {
			t.Errorf("%s: exit code %d, %s", line, code, said)
		}
	}
}
