package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"qsnap": main}) }

// The scripts in testdata/script read like sessions of a user.
func TestSessions(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			home := filepath.Join(e.WorkDir, "home")
			e.Setenv("HOME", home)
			e.Setenv("XDG_CACHE_HOME", filepath.Join(home, ".cache"))
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(home, ".config"))
			e.Setenv("XDG_DATA_HOME", filepath.Join(home, ".local", "share"))
			e.Setenv("QSNAP_CONFIG", filepath.Join(home, ".config", "qsnap", "config.yaml"))
			e.Setenv("STATE_DIRECTORY", filepath.Join(home, ".local", "state", "qsnap"))
			e.Setenv("TZ", "UTC")
			e.Setenv("QSNAP_NO_KEYRING", "1") // what is kept there stays for a day
			return os.MkdirAll(home, 0o755)
		},
		Condition: func(c string) (bool, error) { // [root], [systemd]
			switch c {
			case "root":
				return os.Geteuid() == 0, nil
			case "systemd":
				return systemdRuns(), nil
			}
			return false, fmt.Errorf("unknown condition %q", c)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": scriptCode,
			"json": scriptJSON,
			"keep": scriptKeep,
			"flip": scriptFlip,
		},
	})
}

// scriptCode runs a command that must end with an exit code: code 10 qsnap ls.
func scriptCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N command args...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := err.(*exec.ExitError); ok {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// scriptJSON checks values in JSON output: json stdout path=value... A path is keys
// and indexes joined by dots; of output with an object a line, the first is the
// line's number, from 0, or the last's, -1. A value of * only has to be there.
func scriptJSON(ts *testscript.TestScript, neg bool, args []string) {
	text := ts.ReadFile(args[0])
	var whole any
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		var lines []any
		for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
			var v any
			if err := json.Unmarshal([]byte(line), &v); err != nil {
				ts.Fatalf("not JSON: %q: %v", line, err)
			}
			lines = append(lines, v)
		}
		whole = lines
	}
	if _, ok := whole.(map[string]any); ok && strings.HasPrefix(args[1], "-1.") {
		whole = []any{whole} // a single line
	}
	for _, arg := range args[1:] {
		path, want, _ := strings.Cut(arg, "=")
		got, err := lookUp(whole, strings.Split(path, "."))
		if err != nil {
			ts.Fatalf("%s: %v", path, err)
		}
		if (fmt.Sprint(got) == want || want == "*") == neg {
			ts.Fatalf("%s is %v, want %s", path, got, want)
		}
	}
}

// scriptKeep puts a value of JSON output into a variable: keep NAME stdout path.
func scriptKeep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: keep NAME stdout path")
	}
	var whole any
	if err := json.Unmarshal([]byte(ts.ReadFile(args[1])), &whole); err != nil {
		ts.Fatalf("not JSON: %v", err)
	}
	got, err := lookUp(whole, strings.Split(args[2], "."))
	if err != nil {
		ts.Fatalf("%s: %v", args[2], err)
	}
	ts.Setenv(args[0], fmt.Sprint(got))
}

func lookUp(v any, path []string) (any, error) {
	for _, key := range path {
		switch at := v.(type) {
		case map[string]any:
			next, ok := at[key]
			if !ok {
				return nil, fmt.Errorf("no %q", key)
			}
			v = next
		case []any:
			if key == "len" {
				v = len(at)
				continue
			}
			i, err := strconv.Atoi(key)
			if err == nil && i < 0 {
				i += len(at)
			}
			if err != nil || i < 0 || i >= len(at) {
				return nil, fmt.Errorf("no element %q of %d", key, len(at))
			}
			v = at[i]
		default:
			return nil, fmt.Errorf("%v has no %q", v, key)
		}
	}
	if f, ok := v.(float64); ok && f == float64(int64(f)) {
		return int64(f), nil
	}
	return v, nil
}

// scriptFlip changes a byte in the middle of each file that a pattern matches.
func scriptFlip(ts *testscript.TestScript, neg bool, args []string) {
	names, err := filepath.Glob(ts.MkAbs(args[0]))
	if err != nil || len(names) == 0 {
		ts.Fatalf("%s: %d files, %v", args[0], len(names), err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			ts.Fatalf("%v", err)
		}
		b = bytes.Clone(b)
		b[len(b)/2] ^= 1
		if err := os.WriteFile(name, b, 0o600); err != nil {
			ts.Fatalf("%v", err)
		}
	}
}
