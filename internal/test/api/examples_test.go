package api

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// withoutExample are the functions of package repo that need none: they are seen in those of
// others, or do what every program knows.
var withoutExample = []string{
	"Finding.IsDamage", "CheckReport.Damaged", // in ErrDamaged, Repo.Check
	"Keys.Find", "Keys.List", // in Keys.Remove, Keys.Add
	"Catalog.Forgotten",                   // in Catalog.Undelete
	"ParseKey", "Passphrase", "ReplicaOn", // in NewKey, Open, LogTo
	"Patterns.In", "Patterns.Match", "Patterns.Unmatched", // in ParsePatterns
	"Repo.Catalog", "Repo.Keys", "Repo.Maintenance", "Repo.View", // in those of what they return
	"Repo.Close", "Repo.ID", "Rule.Source", "Rule.String", "Secret.Unlock", "Stats.Stored",
}

// lacking returns the exported functions and methods of a directory's package that no example
// with checked output is named after, and that are not among those that need none.
func lacking(t *testing.T, dir string, without []string) (out []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var declared, shown []string
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "_test.go") {
			declared = append(declared, functions(f)...)
			continue
		}
		for _, e := range doc.Examples(f) {
			if e.Output != "" {
				shown = append(shown, strings.ReplaceAll(e.Name, "_", "."))
			}
		}
	}
	for _, name := range declared {
		if !slices.Contains(shown, name) && !slices.Contains(without, name) {
			out = append(out, name)
		}
	}
	return out
}

// functions returns the names of the exported functions of a file, and of the exported
// methods on exported types.
func functions(f *ast.File) (out []string) {
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || !fn.Name.IsExported() {
			continue
		}
		name := fn.Name.Name
		if fn.Recv != nil {
			on := strings.TrimPrefix(text(fn.Recv.List[0].Type), "*")
			if !ast.IsExported(on) {
				continue
			}
			name = on + "." + name
		}
		out = append(out, name)
	}
	return out
}

func TestEveryVerbHasAnExample(t *testing.T) {
	for _, name := range lacking(t, filepath.Join(root, "repo"), withoutExample) {
		t.Errorf("%s has no example with checked output", name)
	}
}

func TestAVerbWithoutExampleIsFound(t *testing.T) {
	dir := t.TempDir()
	for name, source := range map[string]string{
		"p.go":      "package p\n\ntype T struct{}\n\nfunc (*T) Shown() {}\n\nfunc (T) Silent() {}\n\nfunc Absent() {}\n\nfunc Known() {}\n\nfunc unseen() {}\n",
		"p_test.go": "package p_test\n\nfunc ExampleT_Shown() {\n\t// Output: 1\n}\n\nfunc ExampleT_Silent() {\n\tprintln()\n}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := lacking(t, dir, []string{"Known"}); !slices.Equal(got, []string{"T.Silent", "Absent"}) {
		t.Errorf("without example: %v", got)
	}
}
