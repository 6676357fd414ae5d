package api

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the files in testdata again")

const root = "../../.."

// publicPackages returns the directories of package repo and of those below it.
func publicPackages(t *testing.T) (dirs []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(root, "repo"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if d.Name() == "testdata" || d.Name() == "internal" {
			return fs.SkipDir
		}
		lines, err := Exported(path)
		if len(lines) > 0 {
			dirs = append(dirs, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

func TestTheExportedAPIIsTheOneThatIsWrittenDown(t *testing.T) {
	written := map[string]bool{}
	for _, dir := range publicPackages(t) {
		name, err := filepath.Rel(root, dir)
		if err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", strings.ReplaceAll(filepath.ToSlash(name), "/", "-")+".txt")
		written[golden] = true
		now, err := Exported(dir)
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(golden, []byte(strings.Join(now, "\n")+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		b, err := os.ReadFile(golden)
		if err != nil {
			t.Errorf("%v: if the package is meant to be public: go test ./internal/test/api -update", err)
			continue
		}
		before := strings.Split(strings.TrimSpace(string(b)), "\n")
		for _, line := range differences(before, now) {
			t.Errorf("%s: %s", name, line)
		}
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if written[file] {
			continue
		}
		if !*update {
			t.Errorf("%s is of no package", file)
		} else if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	if t.Failed() {
		t.Log("if the API is meant to change: go test ./internal/test/api -update")
	}
}

// differences returns the lines that are gone, and those that are new.
func differences(before, now []string) (out []string) {
	for _, line := range before {
		if !slices.Contains(now, line) {
			out = append(out, "- "+line)
		}
	}
	for _, line := range now {
		if !slices.Contains(before, line) {
			out = append(out, "+ "+line)
		}
	}
	return out
}

func TestEveryKindOfDeclarationIsWrittenDown(t *testing.T) {
	dir := t.TempDir()
	source := `package sample

import "errors"

// A Kind is documented.
type Kind string

const (
	First  Kind = "first"
	Second      = "second"
	hidden Kind = "hidden"
)

const (
	Zero Level = iota
	One
)

type Level int

var ErrGone = errors.New("gone")

var Table map[string]int

type Options struct {
	Name, Other string
	Warn        func(err error) bool ` + "`json:\"warn\"`" + `
	secret      int
	Level
}

type Reader interface {
	Read(p []byte) (n int, err error)
	error
	close()
}

type Alias = Options

type List[T any] []T

func Map[K comparable, V any](m map[K]V, do func(k K) V) (out List[V], err error) { return nil, nil }

func (o *Options) Apply(names ...string) error { return nil }

func (l Level) String() string { return "" }

func (o *Options) unseen() {}

type private struct{}

func (private) Seen() {}
`
	for name, text := range map[string]string{
		"sample.go":      source,
		"sample_test.go": "package sample\n\nfunc OnlyInTests() {}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		`const First Kind = "first"`,
		"const One Level",
		"const Second",
		"const Zero Level",
		"func Map[K comparable, V any](map[K]V, func(K) V) (List[V], error)",
		"method (*Options) Apply(...string) error",
		"method (Level) String() string",
		"type Alias = Options",
		"type Kind string",
		"type Level int",
		"type List[T any] []T",
		"type Options struct",
		"type Options struct, Name string",
		"type Options struct, Other string",
		"type Options struct, Warn func(error) bool `json:\"warn\"`",
		"type Options struct, embedded Level",
		"type Reader interface",
		"type Reader interface, Read([]byte) (int, error)",
		"type Reader interface, embedded error",
		"type Reader interface, unexported methods",
		"var ErrGone error",
		"var Table map[string]int",
	}
	got, err := Exported(dir)
	if err != nil {
		t.Fatal(err)
	}
	if lines := differences(want, got); len(lines) > 0 || len(got) != len(want) {
		t.Errorf("got %d lines, want %d:\n%s", len(got), len(want), strings.Join(lines, "\n"))
	}
}
