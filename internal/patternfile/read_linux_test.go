package patternfile

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestAnExcludeFileIsAFileOrAPipeThatSomebodyWritesTo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// Two pipes: what still waits to open the first would let a writer in and out again
	// before it is read.
	silent, pipe := filepath.Join(dir, "silent"), filepath.Join(dir, "pipe")
	for _, name := range []string{silent, pipe} {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := open(t.Context(), silent, time.Millisecond); err == nil || !strings.Contains(err.Error(), "is a pipe that nobody writes to") {
		t.Errorf("a pipe without a writer: %v", err)
	}
	go func() { _ = os.WriteFile(pipe, []byte("# a comment\r\n*.o\n"), 0) }()
	if rules, err := Read(t.Context(), pipe); err != nil || len(rules) != 1 {
		t.Errorf("a pipe with a writer: %v, %v", rules, err)
	}
	for name, want := range map[string]string{dir: "is a directory", filepath.Join(dir, "none"): "no such file", "/dev/zero": "is larger than"} {
		if _, err := Read(t.Context(), name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	many := filepath.Join(dir, "many")
	if err := os.WriteFile(many, []byte(strings.Repeat("no/such/name*\n", 300_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if rules, err := Read(t.Context(), many); err != nil || len(rules) != 300_000 {
		t.Errorf("many: %d, %v", len(rules), err)
	}
}
