//go:build mutants

package mutants

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const root = "../../.."

// run runs tests of the simulator with some files replaced, and returns their output
// and whether they passed.
func run(t *testing.T, tests string, files map[string]string, env ...string) (output string, passed bool) {
	t.Helper()
	dir := t.TempDir()
	replace := map[string]string{}
	for name, text := range files {
		original, err := filepath.Abs(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		replace[original] = filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		if err := os.WriteFile(replace[original], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "test", "-count=1", "-failfast", "-overlay", path, "-run", "^("+tests+")", "./internal/test/sim")
	cmd.Dir, cmd.Env = root, append(append(os.Environ(), "QSNAP_WALKS=whole"), env...)
	out, err := cmd.CombinedOutput()
	if _, failed := err.(*exec.ExitError); err != nil && !failed {
		t.Fatal(err)
	}
	return string(out), err == nil
}

// notice is how a test says that a promise was broken.
var notice = regexp.MustCompile(`broken promise in program "[^"]*": [^\n]*`)

func TestMutantsDie(t *testing.T) {
	if out, passed := run(t, "Test", nil); !passed {
		t.Fatalf("the code as it is fails:\n%s", out)
	}
	for _, m := range All() {
		t.Run(m.Name, func(t *testing.T) {
			files, err := m.Apply(root)
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			var env []string
			if m.Interruptions > 0 {
				env = append(env, fmt.Sprintf("QSNAP_SIM_INTERRUPTIONS=%d", m.Interruptions))
			}
			out, passed := run(t, m.Tests, files, env...)
			found := notice.FindString(out)
			if passed || found == "" || strings.Contains(out, "panic: ") {
				t.Fatalf("it lives, or dies of something else:\n%s", out)
			}
			t.Logf("%v: %s", time.Since(began).Round(time.Millisecond), found)
		})
	}
}
