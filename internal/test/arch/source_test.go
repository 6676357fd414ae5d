package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A sourceFile is a file of the module that isn't a test.
type sourceFile struct {
	name string // relative to the module's root, with slashes
	set  *token.FileSet
	tree *ast.File
}

// dir returns the package of the file, as the table of imports names it.
func (f sourceFile) dir() string { return path.Dir(f.name) }

// sourceFiles returns the module's files below a directory that aren't tests.
func sourceFiles(t *testing.T, root string) (out []sourceFile) {
	t.Helper()
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir(), !strings.HasSuffix(p, ".go"), strings.HasSuffix(p, "_test.go"):
			return nil
		}
		name, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		tree, err := parser.ParseFile(set, p, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err == nil {
			out = append(out, sourceFile{filepath.ToSlash(name), set, tree})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// parsed returns a file that is made up.
func parsed(t *testing.T, name, source string) sourceFile {
	t.Helper()
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return sourceFile{name, set, tree}
}

// imported returns the name by which a file refers to a package, or "" if it doesn't import
// it.
func (f sourceFile) imported(pkg string) string {
	for _, i := range f.tree.Imports {
		if strings.Trim(i.Path.Value, `"`) != pkg {
			continue
		}
		if i.Name != nil {
			return i.Name.Name
		}
		if name := path.Base(pkg); name != "v2" {
			return name
		}
		return path.Base(path.Dir(pkg))
	}
	return ""
}

// packageDocs returns what is wrong with the docs of packages: each has one, in one file,
// whose first sentence begins with the package's name and fits in three lines.
func packageDocs(files []sourceFile) (wrong []string) {
	docs := map[string][]string{}
	names := map[string]string{}
	for _, f := range files {
		names[f.dir()] = f.tree.Name.Name
		if f.tree.Doc != nil {
			docs[f.dir()] = append(docs[f.dir()], f.tree.Doc.Text())
		}
	}
	for dir, name := range names {
		begins := "Package " + name + " "
		if name == "main" {
			begins = "Command " + path.Base(dir) + " "
		}
		switch docs := docs[dir]; {
		case len(docs) != 1:
			wrong = append(wrong, fmt.Sprintf("%s has %d package docs, not 1", dir, len(docs)))
		case !strings.HasPrefix(docs[0], begins):
			wrong = append(wrong, fmt.Sprintf("the doc of %s doesn't begin with %q", dir, begins))
		default:
			paragraph, _, _ := strings.Cut(docs[0], "\n\n")
			sentence, _, _ := strings.Cut(strings.ReplaceAll(paragraph, "\n", " "), ". ")
			if len(sentence) > 270 {
				wrong = append(wrong, fmt.Sprintf("the doc of %s doesn't begin with one short sentence", dir))
			}
		}
	}
	slices.Sort(wrong)
	return wrong
}

func TestEveryPackageSaysInASentenceWhatItIs(t *testing.T) {
	files := sourceFiles(t, "../../..")
	if len(files) < 300 {
		t.Fatalf("only %d files", len(files))
	}
	for _, w := range packageDocs(files) {
		t.Error(w)
	}
}

func TestAPackageWithoutADocIsFound(t *testing.T) {
	got := packageDocs([]sourceFile{
		parsed(t, "a/a.go", "// Package a is documented. More follows.\npackage a"),
		parsed(t, "a/b.go", "package a"),
		parsed(t, "b/b.go", "package b"),
		parsed(t, "c/c.go", "// Package c is here.\npackage c"),
		parsed(t, "c/d.go", "// Package c is there, too.\npackage c"),
		parsed(t, "d/d.go", "// This package is d.\npackage d"),
		parsed(t, "e/e.go", "// Package e "+strings.Repeat("goes on and on ", 20)+".\npackage e"),
		parsed(t, "cmd/f/main.go", "// Command f runs.\npackage main"),
	})
	want := []string{
		"b has 0 package docs, not 1", "c has 2 package docs, not 1",
		`the doc of d doesn't begin with "Package d "`, "the doc of e doesn't begin with one short sentence",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
