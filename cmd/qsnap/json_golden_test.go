package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var updateGolden = flag.Bool("update", false, "write the golden files of what --json prints")

// goldenDir holds a file for each command: each command line that was run, and what it
// printed. Members of an object are sorted by name.
const goldenDir = "testdata/json"

// A jsonSession runs commands with --json in a directory of its own and collects what
// they print, by command.
type jsonSession struct {
	*testing.T
	dir     string
	printed map[string]*bytes.Buffer
	env     map[string]string
}

func newJSONSession(t *testing.T) *jsonSession {
	s := &jsonSession{t, t.TempDir(), map[string]*bytes.Buffer{}, map[string]string{"QSNAP_HOST": "web1"}}
	s.env["STATE_DIRECTORY"] = s.dir + "/state"
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "QSNAP_") {
			t.Setenv(name, "")
			os.Unsetenv(name)
		}
	}
	t.Setenv("QSNAP_NO_KEYRING", "1")
	t.Setenv("TZ", "UTC")
	t.Setenv("HOME", s.dir)
	t.Chdir(s.dir)
	return s
}

// run runs a command line with --json and files what it printed under its command.
func (s *jsonSession) run(args ...string) string {
	s.Helper()
	var out, err bytes.Buffer
	s.code(args, "", &out, &err)
	s.file(strings.Join(args, " "), out.String(), err.String())
	return out.String()
}

// code runs a command line with --json and returns its exit code.
func (s *jsonSession) code(args []string, stdin string, out, err *bytes.Buffer) int {
	p := &program{stdin: strings.NewReader(stdin), stdout: out, stderr: err, getenv: func(k string) string { return s.env[k] }}
	line := []string{"qsnap", "--json", "--cache-dir", "cache"}
	for _, global := range [][]string{{"--repo", "r"}, {"--key-file", "key"}} {
		if !slices.Contains(args, global[0]) {
			line = append(line, global...)
		}
	}
	return p.run(s.Context(), append(line, args...))
}

// of returns what is to be in the golden file of a command.
func (s *jsonSession) of(command string) *bytes.Buffer {
	if s.printed[command] == nil {
		s.printed[command] = &bytes.Buffer{}
	}
	return s.printed[command]
}

// file adds what a command line has printed to the golden file of its command.
func (s *jsonSession) file(line, stdout, stderr string) {
	s.Helper()
	name, _, _ := strings.Cut(line, " ")
	settle := func(member string, v any) (any, bool) { return s.settle(name, member, v) }
	b := s.of(name)
	b.WriteString("$ " + anID.ReplaceAllString(line, "ID") + "\n")
	lines := slices.DeleteFunc(strings.SplitAfter(s.canonical(stdout, settle), "\n"), func(line string) bool {
		return strings.Contains(line, `"message_type":"status"`) // comes now and then: on a busy machine also here
	})
	if name == "check" { // which finds what it finds in the order of random names
		slices.Sort(lines)
	}
	b.WriteString(strings.Join(lines, ""))
	if stderr != "" {
		b.WriteString("standard error:\n" + s.canonical(stderr, settle))
	}
}

// exact files what a function prints as it is: what only a long run, an unlucky one or
// another target has.
func (s *jsonSession) exact(command string, print func(p *program)) {
	s.Helper()
	var out, err bytes.Buffer
	print(&program{stdout: &out, stderr: &err, json: true})
	b := s.of(command)
	prose := func(member string, v any) (any, bool) { return "TEXT", member == "message" || member == "next" }
	b.WriteString("such as:\n" + s.canonical(out.String(), prose) + s.canonical(err.String(), prose))
}

// packageDir is where the test began.
var packageDir, _ = os.Getwd()

// same compares what was printed with the golden files.
func (s *jsonSession) same() {
	s.Helper()
	for name, b := range s.printed {
		path := filepath.Join(packageDir, goldenDir, name+".golden")
		if *updateGolden {
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				s.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			s.Fatal(err)
		}
		got, wanted := strings.Split(b.String(), "\n"), strings.Split(string(want), "\n")
		for i, line := range got {
			if i >= len(wanted) || line != wanted[i] {
				s.Errorf("%s:%d:\n got %s\nwant %s", path, i+1, line, slices.Concat(wanted, make([]string, len(got)))[i])
				break
			}
		}
		if len(got) < len(wanted) {
			s.Errorf("%s: %d lines, want %d", path, len(got), len(wanted))
		}
	}
}

// canonical returns lines of JSON with members in order, and some values replaced.
func (s *jsonSession) canonical(lines string, settle func(member string, v any) (any, bool)) string {
	s.Helper()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	for line := range strings.Lines(lines) {
		dec := json.NewDecoder(strings.NewReader(line))
		dec.UseNumber()
		var v any
		if err := dec.Decode(&v); err != nil {
			s.Errorf("not JSON: %q: %v", line, err)
		}
		if err := enc.Encode(replaced("", v, settle)); err != nil {
			s.Error(err)
		}
	}
	return out.String()
}

// replaced returns a JSON value with those members and elements replaced that settle knows.
func replaced(member string, v any, settle func(member string, v any) (any, bool)) any {
	if to, ok := settle(member, v); ok {
		return to
	}
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			v[name] = replaced(name, v[name], settle)
		}
	case []any:
		for i := range v {
			v[i] = replaced("", v[i], settle)
		}
	}
	return v
}

// varying names members whose value depends on the run, as NAME or COMMAND/NAME, and what
// stands for each.
var varying = map[string]any{
	"seconds_elapsed": 1.5, "total_duration": 1.5, "request_seconds": 0.5, "compression_ratio": 1.25,
	"uid": 0, "gid": 0, "user": "root", "group": "root", "username": "root", "userName": "root", "hostName": "HOST", "prune/hostname": "HOST", "inode": 42,
	"program_version": "VERSION", "version": "VERSION", "go_version": "GO", "go_os": "linux", "go_arch": "amd64",
	"short_id": "SHORT", "recovery": "SECRET",
	"message": "TEXT", "next": "TEXT", "reason": "TEXT", "target/name": "TEXT", // for people, and free to change

	"upload_bytes_per_second": 1000, "download_bytes_per_second": 1000, "free_bytes": 1000, "target/total_bytes": 1000,
	"stored_bytes": 1000, "index_bytes": 1000, "snapshot_bytes": 1000, "pack_bytes": 1000, "pack_bytes_read": 1000,
	"dirs_new": 1, "tree_blobs": 1, "total_blob_count": 10, "trees": 1, // the directories above are those of the test
	"files_new": 1, "files_changed": 1, "files_unmodified": 1, "dirs_changed": 1, "dirs_unmodified": 1, "data_blobs": 1, "bytes_read": 1000, // by settled stamps
	"requests": 10, "gets": 10, "lists": 10, "names_listed": 10, // by what is cached and settled
	"data_added": 1000, "data_added_packed": 1000, "tree_bytes": 1000, "total_uncompressed_size": 1000,
	"bytes_to_send": 1000, "bytes_to_fetch": 1000, "bytes_sent": 1000, "bytes_fetched": 1000, "bytes_moved": 1000, "bytes_stored": 1000,
	"bytes_removed": 1000, "bytes_repacked": 1000, "bytes_waiting": 1000, "replica_bytes": 1000,
	"check/bytes": 1000, "prune/bytes": 1000, "forget/bytes": 1000, "replicate/bytes": 1000, "snapshot/bytes": 1000,
}

var (
	anID    = regexp.MustCompile(`[0-9a-f]{64}`)
	aTime   = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`)
	aFanout = regexp.MustCompile(`/[0-9a-f]{2}/`)
)

// settle returns what stands for a value that differs from run to run.
func (s *jsonSession) settle(command, member string, v any) (any, bool) {
	for _, name := range []string{member, command + "/" + member} {
		if to, ok := varying[name]; ok {
			return to, true
		}
	}
	if list, ok := v.([]any); ok && command == "key" { // in the order of random ids
		order := func(v any) string { key := v.(map[string]any); return fmt.Sprint(key["kind"], key["current"]) }
		slices.SortFunc(list, func(a, b any) int { return cmp.Compare(order(a), order(b)) })
	}
	text, ok := v.(string)
	if !ok {
		return nil, false
	}
	text = strings.ReplaceAll(text, s.dir, "/DIR")
	text = anID.ReplaceAllString(text, "ID")
	text = aFanout.ReplaceAllString(text, "/XX/")
	return aTime.ReplaceAllString(text, "2026-01-02T03:04:05Z"), true
}
