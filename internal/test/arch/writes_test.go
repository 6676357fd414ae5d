package arch

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// writers are the packages that may store and delete objects of a target: targets and
// their wrappers, and the store of a repository. In which order objects are stored and
// deleted is what keeps snapshots safe.
var writers = []string{"target", "target/", "internal/object", "internal/test/"}

func mayWrite(pkg string) bool {
	for _, w := range writers {
		if pkg == w || strings.HasSuffix(w, "/") && strings.HasPrefix(pkg, w) {
			return true
		}
	}
	return false
}

// typed checks packages with the types of what they import.
type typed struct {
	files   *token.FileSet
	imports types.Importer
	target  *types.Package
}

type exported struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	Standard                bool
}

// newTyped returns what checks packages, and those of this module.
func newTyped(t *testing.T) (*typed, []exported) {
	t.Helper()
	listed, err := exports()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	var ours []exported
	for _, p := range listed {
		files[p.ImportPath] = p.Export
		if strings.HasPrefix(p.ImportPath, module) {
			ours = append(ours, p)
		}
	}
	c := &typed{files: token.NewFileSet()}
	c.imports = importer.ForCompiler(c.files, "gc", func(path string) (io.ReadCloser, error) { return os.Open(files[path]) })
	if c.target, err = c.imports.Import(module + "target"); err != nil {
		t.Fatal(err)
	}
	return c, ours
}

// exports lists the packages of this module and all that they import, compiled.
var exports = sync.OnceValues(func() (list []exported, err error) {
	cmd := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,Standard", "./...")
	cmd.Dir = "../../.."
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p exported
		if err := dec.Decode(&p); err == io.EOF {
			return list, nil
		} else if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
})

// parse returns the files of a package.
func (c *typed) parse(t *testing.T, p exported) (files []*ast.File) {
	t.Helper()
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(c.files, filepath.Join(p.Dir, name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// writes returns the places at which a package calls what stores or deletes objects.
func (c *typed) writes(path string, files []*ast.File) ([]string, error) {
	info := &types.Info{Selections: map[*ast.SelectorExpr]*types.Selection{}}
	if _, err := (&types.Config{Importer: c.imports}).Check(path, c.files, files, info); err != nil {
		return nil, err
	}
	var out []string
	for at, s := range info.Selections {
		if c.isWrite(s) {
			out = append(out, fmt.Sprintf("%s: %s of %s", c.files.Position(at.Pos()), s.Obj().Name(), s.Recv()))
		}
	}
	return out, nil
}

// isWrite reports whether a selection is of a method that stores or deletes objects, of
// anything that is a target or has been staged on one.
func (c *typed) isWrite(s *types.Selection) bool {
	for iface, methods := range map[string]string{"Target": "Put Delete", "Stager": "Stage", "Staged": "Commit"} {
		if s.Kind() == types.FieldVal || !strings.Contains(" "+methods+" ", " "+s.Obj().Name()+" ") {
			continue
		}
		if n, ok := s.Recv().(*types.Named); ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == module+"internal/object" {
			continue // a spool, which the store has given
		}
		is := c.target.Scope().Lookup(iface).Type().Underlying().(*types.Interface)
		if types.Implements(s.Recv(), is) || types.Implements(types.NewPointer(s.Recv()), is) {
			return true
		}
	}
	return false
}

func TestOnlyTheStoreWritesToATarget(t *testing.T) {
	c, packages := newTyped(t)
	for _, p := range packages {
		if mayWrite(strings.TrimPrefix(p.ImportPath, module)) {
			continue
		}
		found, err := c.writes(p.ImportPath, c.parse(t, p))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			t.Errorf("%s, outside the store", f)
		}
	}
}

func TestAWriteToATargetIsSeen(t *testing.T) {
	c, _ := newTyped(t)
	const text = `package p
import ("context"; "github.com/qsnap/qsnap/target")
type wrapped struct{ target.Target }
func a(ctx context.Context, t target.Target) { t.Put(ctx, "a", nil, 0) }
func b(ctx context.Context, t wrapped) { t.Delete(ctx, "a") }
func c(ctx context.Context, t wrapped) { f := t.Target.Delete; f(ctx, "a") }
func d(ctx context.Context, t target.Stager) { s, _ := t.Stage(ctx); s.Commit(ctx, "a", 0) }
func e(ctx context.Context, t target.Target, m map[string]int) { t.Stat(ctx, "a"); delete(m, "a") }
`
	f, err := parser.ParseFile(c.files, "p.go", text, 0)
	if err != nil {
		t.Fatal(err)
	}
	found, err := c.writes("p", []*ast.File{f})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 5 {
		t.Errorf("found %d of 5: %v", len(found), found)
	}
}
