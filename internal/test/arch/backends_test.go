package arch

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// backends are the packages that know one kind of storage. mayOpen names what may import
// them, beside tests: what opens targets by location, and the one that is built on another.
var (
	backends = []string{"target/local", "target/rclone", "target/s3", "target/sftp", "target/webdav"}
	mayOpen  = map[string][]string{"repo/connect": backends, "target/rclone": {"target/webdav"}}
)

// strayImports returns the imports of back ends by packages that may not import them.
func strayImports(packages []listed) (stray []string) {
	for _, p := range packages {
		name := strings.TrimPrefix(p.ImportPath, module)
		for _, i := range p.Imports {
			if other := strings.TrimPrefix(i, module); slices.Contains(backends, other) && !slices.Contains(mayOpen[name], other) {
				stray = append(stray, fmt.Sprintf("%s imports %s", name, other))
			}
		}
	}
	return stray
}

func TestOnlyConnectImportsBackEnds(t *testing.T) {
	all := list(t, "./...")
	for _, s := range strayImports(all) {
		t.Errorf("%s: repo/connect opens targets", s)
	}
	// The rule is not an empty one: connect imports all of them.
	for _, p := range all {
		for _, b := range backends {
			if p.ImportPath == module+"repo/connect" && !slices.Contains(p.Imports, module+b) {
				t.Errorf("repo/connect doesn't import %s", b)
			}
		}
	}
}

func TestAStrayImportOfABackEndIsFound(t *testing.T) {
	got := strayImports([]listed{
		{ImportPath: module + "repo/connect", Imports: []string{module + "target/s3", module + "repo"}},
		{ImportPath: module + "target/rclone", Imports: []string{module + "target/webdav", module + "target/s3"}},
		{ImportPath: module + "cmd/qsnap", Imports: []string{module + "repo/connect", module + "target/local", "os"}},
	})
	if want := []string{"target/rclone imports target/s3", "cmd/qsnap imports target/local"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// What a program of somebody else's imports must leave its flags and its output alone.
func TestConnectKnowsNoCommandLineAndPrintsNothing(t *testing.T) {
	for _, p := range list(t, "-deps", "./repo/connect") {
		if p.Module != nil && slices.Contains([]string{"github.com/urfave/cli/v2", "golang.org/x/term"}, p.Module.Path) {
			t.Errorf("repo/connect brings along %s", p.ImportPath)
		}
	}
	files, err := filepath.Glob("../../../repo/connect/*.go")
	if err != nil || len(files) < 8 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"fmt.Print", "os.Std", "log.", "flag."} {
			if strings.Contains(string(text), word) {
				t.Errorf("%s has %s in it", name, word)
			}
		}
	}
}
