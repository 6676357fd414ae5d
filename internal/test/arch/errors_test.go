package arch

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// stillErrorsAs are the packages whose errors.As calls are still to be mended: the repository
// and the rooms that come out of it.
var stillErrorsAs = []string{
	"repo",
}

// errorsAs returns where a file calls errors.As.
func errorsAs(f sourceFile) (places []string) {
	ast.Inspect(f.tree, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "As" {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == f.imported("errors") {
				places = append(places, f.set.Position(n.Pos()).String())
			}
		}
		return true
	})
	return places
}

// There are two ways to ask for an error of a type. This module uses errors.AsType.
func TestErrorsAreAskedForByType(t *testing.T) {
	for _, f := range sourceFiles(t, "../../..") {
		if places := errorsAs(f); len(places) > 0 && !slices.Contains(stillErrorsAs, f.dir()) {
			t.Errorf("%s: errors.As: use errors.AsType", strings.Join(places, ", "))
		}
	}
}

func TestErrorsAsIsFound(t *testing.T) {
	f := parsed(t, "a/a.go", `package a

import "errors"

func is(err error) bool {
	var e *E
	_, ok := errors.AsType[*E](err)
	return ok || errors.As(err, &e)
}
`)
	if n := len(errorsAs(f)); n != 1 {
		t.Errorf("%d calls, not 1", n)
	}
}
