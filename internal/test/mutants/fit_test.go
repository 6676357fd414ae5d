package mutants

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMutantsFitTheCode(t *testing.T) {
	names := map[string]bool{}
	for _, m := range All() {
		if _, err := m.Apply("../../.."); err != nil {
			t.Error(err)
		}
		if names[m.Name] {
			t.Errorf("two mutants are called %q", m.Name)
		}
		names[m.Name] = true
	}
}

// A mutant whose test was renamed would seem to live.
func TestMutantsNameTestsOfTheSimulator(t *testing.T) {
	files, err := filepath.Glob("../sim/*_test.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("the simulator has no tests: %v", err)
	}
	var text strings.Builder
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(b)
	}
	for _, m := range All() {
		for name := range strings.SplitSeq(m.Tests, "|") {
			if !strings.Contains(text.String(), "\nfunc "+name+"(") {
				t.Errorf("mutant %q: package sim has no %s", m.Name, name)
			}
		}
	}
}
