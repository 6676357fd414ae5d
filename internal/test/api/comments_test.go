package api

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// uncommented returns the exported names of a directory's package that have no comment.
func uncommented(t *testing.T, dir string) (out []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Doc == nil {
					out = append(out, functions(&ast.File{Decls: []ast.Decl{d}})...)
				}
			case *ast.GenDecl:
				out = append(out, bare(d)...)
			}
		}
	}
	return out
}

// bare returns the exported names of a declaration that have no comment. A comment on several
// constants or variables is on each.
func bare(d *ast.GenDecl) (out []string) {
	if d.Doc != nil {
		return nil
	}
	for _, s := range d.Specs {
		var names []*ast.Ident
		switch s := s.(type) {
		case *ast.TypeSpec:
			if s.Doc == nil {
				names = []*ast.Ident{s.Name}
			}
		case *ast.ValueSpec:
			if s.Doc == nil && s.Comment == nil {
				names = s.Names
			}
		}
		for _, name := range names {
			if name.IsExported() {
				out = append(out, name.Name)
			}
		}
	}
	return out
}

func TestEveryExportedNameHasAComment(t *testing.T) {
	for _, dir := range publicPackages(t) {
		for _, name := range uncommented(t, dir) {
			t.Errorf("%s: %s has no comment", dir, name)
		}
	}
}

func TestANameWithoutCommentIsFound(t *testing.T) {
	dir := t.TempDir()
	const source = `package p

// T is known.
type T struct{}

type U struct{}

// M is known.
func (T) M() {}

func (T) N() {}

func F() {}

func unseen() {}

// The values.
const (
	A = 1
	B = 2
)

var (
	C = 1 // is known
	D = 2
)
`
	if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := uncommented(t, dir); !slices.Equal(got, []string{"U", "T.N", "F", "D"}) {
		t.Errorf("without comment: %v", got)
	}
}
