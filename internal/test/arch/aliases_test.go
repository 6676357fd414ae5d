package arch

import (
	"go/ast"
	"go/parser"
	"go/types"
	"strings"
	"testing"
)

// Packages that programs import define their own types: an alias of an internal type shows
// a user nothing. An error type may be one, as errors.As needs the very type; the alias
// then describes its fields.
var public = []string{"repo", "repo/connect", "repo/job", "repo/job/profile", "repo/report", "snapshot", "target"}

// internalAliases returns the exported aliases of internal types that are no errors.
func (c *typed) internalAliases(path string, files []*ast.File) ([]string, error) {
	p, err := (&types.Config{Importer: c.imports}).Check(path, c.files, files, nil)
	if err != nil {
		return nil, err
	}
	errorType := types.Universe.Lookup("error").Type().Underlying().(*types.Interface)
	var out []string
	for _, name := range p.Scope().Names() {
		o, ok := p.Scope().Lookup(name).(*types.TypeName)
		if !ok || !o.IsAlias() || !o.Exported() {
			continue
		}
		t, ok := types.Unalias(o.Type()).(*types.Named)
		if !ok || !strings.Contains(t.Obj().Pkg().Path(), "/internal/") {
			continue
		}
		if !types.Implements(t, errorType) && !types.Implements(types.NewPointer(t), errorType) {
			out = append(out, name)
		}
	}
	return out, nil
}

func TestPublicPackagesHaveTypesOfTheirOwn(t *testing.T) {
	c, packages := newTyped(t)
	for _, p := range packages {
		for _, name := range public {
			if p.ImportPath != module+name {
				continue
			}
			found, err := c.internalAliases(p.ImportPath, c.parse(t, p))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				t.Errorf("%s.%s is an alias of an internal type", name, f)
			}
		}
	}
}

func TestAnAliasOfAnInternalTypeIsFound(t *testing.T) {
	c, _ := newTyped(t)
	f, err := parser.ParseFile(c.files, "p.go", `package p
import ("github.com/qsnap/qsnap/internal/blob"; "github.com/qsnap/qsnap/pack")
type Lost = blob.LostError
type Reader = blob.Reader
type Level = pack.Level
type own struct{}
`, 0)
	if err != nil {
		t.Fatal(err)
	}
	found, err := c.internalAliases("p", []*ast.File{f})
	if err != nil || len(found) != 1 || found[0] != "Reader" {
		t.Errorf("%v, %v", found, err)
	}
}
