package arch

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// An ambient use is a use of the clock or of randomness that nobody has passed in, so that a
// test can't choose it. To assign a source to a variable or a field is no such use: that is
// how defaults are set.

// byValue are the packages where time and randomness come in by value. A "/" at the end
// means all packages below.
var byValue = []string{"chunk", "pack", "index", "snapshot", "repo", "internal/"}

// notByValue are those that are about this machine at this moment.
var notByValue = []string{"internal/test/", "internal/term", "internal/keyring"}

// ambientToday are the uses that are left, by the name of the file and of what is used. Most
// are to be mended. The names that disk draws are of temporary files.
var ambientToday = []string{
	"aside.go rand.Read", "session.go rand.Read", "write.go rand.Read", // disk
	"cache.go time.Now", "cache.go time.Since", "capture.go time.Now", "index.go time.Since", "unsized.go time.Now", "unsized.go time.Since",
}

// sources are the functions and variables that must be passed in.
var sources = map[string]func(name string) bool{
	"time":         func(name string) bool { return slices.Contains([]string{"Now", "Since", "Until"}, name) },
	"math/rand":    drawsGlobally,
	"math/rand/v2": drawsGlobally,
	"crypto/rand":  func(name string) bool { return true },
}

// drawsGlobally reports whether a function of a package rand draws from its global source.
func drawsGlobally(name string) bool {
	return !strings.HasPrefix(name, "New") && name != "Rand" && name != "Source" && name != "PCG" && name != "ChaCha8"
}

func anyOf(patterns []string, dir string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		return dir == p || strings.HasSuffix(p, "/") && strings.HasPrefix(dir+"/", p)
	})
}

// ambient returns the uses of the clock and of randomness in a file, by name, with the
// places of each.
func ambient(f sourceFile) map[string][]string {
	local := map[string]func(string) bool{}
	for pkg, is := range sources {
		if name := f.imported(pkg); name != "" {
			local[name] = is
		}
	}
	defaults := map[ast.Expr]bool{}
	out := map[string][]string{}
	ast.Inspect(f.tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, right := range n.Rhs {
				defaults[right] = true
			}
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if !ok || local[x.Name] == nil || !local[x.Name](n.Sel.Name) || defaults[n] {
				break
			}
			use := fmt.Sprintf("%s %s.%s", f.name[strings.LastIndex(f.name, "/")+1:], x.Name, n.Sel.Name)
			out[use] = append(out[use], f.set.Position(n.Pos()).String())
		}
		return true
	})
	return out
}

func TestTimeAndRandomnessComeInByValue(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range sourceFiles(t, "../../..") {
		if !anyOf(byValue, f.dir()) || anyOf(notByValue, f.dir()) {
			continue
		}
		for use, places := range ambient(f) {
			seen[use] = true
			if !slices.Contains(ambientToday, use) {
				t.Errorf("%s: %s in %s: let the caller pass it in", strings.Join(places, ", "), use, f.dir())
			}
		}
	}
	for _, use := range ambientToday {
		if !seen[use] {
			t.Logf("%q is mended: take it out of ambientToday", use)
		}
	}
}

func TestAnAmbientUseIsFound(t *testing.T) {
	f := parsed(t, "repo/a.go", `package repo

import (
	crand "crypto/rand"
	"math/rand/v2"
	"time"
)

type options struct{ Now func() time.Time }

func (o *options) setDefaults() {
	if o.Now == nil {
		o.Now = time.Now
	}
	random := crand.Reader
	_ = random
}

func uses(r *rand.Rand) time.Duration {
	start := time.Now()
	crand.Read(nil)
	_ = rand.New(rand.NewPCG(1, 2)).IntN(3) + r.IntN(3) + rand.IntN(3)
	return time.Since(start)
}
`)
	var got []string
	for use, places := range ambient(f) {
		got = append(got, fmt.Sprint(use, " ", len(places)))
	}
	slices.Sort(got)
	want := []string{"a.go crand.Read 1", "a.go rand.IntN 1", "a.go time.Now 1", "a.go time.Since 1"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
