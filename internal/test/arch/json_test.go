package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// What the command prints as JSON has a type in repo/report, so that programs can decode it
// and the help can list it. A map of anything has none.
func TestTheCommandPrintsNoMapsOfAnything(t *testing.T) {
	files, err := filepath.Glob("../../../cmd/qsnap/*.go")
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		read++
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range mapsOfAnything(file) {
			t.Errorf("%s: a map of anything: package repo/report has types for what is printed", set.Position(at))
		}
	}
	if read < 30 {
		t.Errorf("only %d files", read)
	}
}

// mapsOfAnything returns where a file mentions a map whose values have no type.
func mapsOfAnything(file *ast.File) (at []token.Pos) {
	ast.Inspect(file, func(n ast.Node) bool {
		if m, ok := n.(*ast.MapType); ok {
			switch v := m.Value.(type) {
			case *ast.Ident:
				if v.Name == "any" {
					at = append(at, m.Pos())
				}
			case *ast.InterfaceType:
				at = append(at, m.Pos())
			}
		}
		return true
	})
	return at
}

func TestMapsOfAnythingAreFound(t *testing.T) {
	source := `package p
var a = map[string]any{"x": 1}
var b []map[string]interface{}
var c = map[string]int{"x": 1}
`
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(mapsOfAnything(file)); n != 2 {
		t.Errorf("%d maps of anything, not 2", n)
	}
}
