package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/types"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// belowTheVerbs are the packages whose methods rooms call, never the façade: it calls the
// functions of rooms.
var belowTheVerbs = []string{"internal/object", "internal/blob", "internal/runs", "internal/write", "internal/seal", "index"}

// logic returns the places of package repo that do more than pass on what they are asked:
// calls of what lies below the rooms, goroutines, channels, locks, loops in loops, and
// functions that are long or branch a lot.
func (c *typed) logic(path string, files []*ast.File) ([]string, error) {
	info := &types.Info{Selections: map[*ast.SelectorExpr]*types.Selection{}}
	if _, err := (&types.Config{Importer: c.imports}).Check(path, c.files, files, info); err != nil {
		return nil, err
	}
	var out []string
	for _, f := range files {
		add := func(n ast.Node, what string) {
			out = append(out, fmt.Sprintf("%s: %s", c.files.Position(n.Pos()), what))
		}
		for _, i := range f.Imports {
			if i.Path.Value == `"sync"` || i.Path.Value == `"sync/atomic"` {
				add(i, "imports "+i.Path.Value)
			}
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				c.logicOf(fn, info, add)
			}
		}
	}
	return out, nil
}

// What a function that converts and calls needs at most.
const (
	facadeLines    = 30
	facadeBranches = 6
)

func (c *typed) logicOf(fn *ast.FuncDecl, info *types.Info, add func(ast.Node, string)) {
	branches, loops := 0, 0
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt, *ast.SendStmt, *ast.SelectStmt, *ast.ChanType:
			add(n, "is concurrent")
		case *ast.IfStmt, *ast.CaseClause:
			branches++
		case *ast.ForStmt:
			add(n, "counts in a loop")
		case *ast.RangeStmt:
			loops++
		case *ast.SelectorExpr:
			if s := info.Selections[n]; s != nil && s.Kind() == types.MethodVal && isBelowTheVerbs(s.Obj().Pkg()) {
				add(n, "calls "+s.Obj().Name()+" of "+strings.TrimPrefix(s.Obj().Pkg().Path(), module))
			}
		}
		return true
	})
	lines := c.files.Position(fn.End()).Line - c.files.Position(fn.Pos()).Line + 1
	if lines > facadeLines || branches > facadeBranches || loops > 2 {
		add(fn, fmt.Sprintf("%s has %d lines, %d branches and %d loops", fn.Name.Name, lines, branches, loops))
	}
}

func isBelowTheVerbs(p *types.Package) bool {
	return p != nil && slices.Contains(belowTheVerbs, strings.TrimPrefix(p.Path(), module))
}

func TestTheFacadeHasNoLogic(t *testing.T) {
	c, packages := newTyped(t)
	i := slices.IndexFunc(packages, func(p exported) bool { return p.ImportPath == module+"repo" })
	files := c.parse(t, packages[i])
	found, err := c.logic(module+"repo", files)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Errorf("%s: the façade has logic", f)
	}
}

func TestLogicInTheFacadeIsSeen(t *testing.T) {
	c, _ := newTyped(t)
	const text = `package p
import ("context"; "sync"; "github.com/qsnap/qsnap/internal/engine"; "github.com/qsnap/qsnap/internal/object")
var mu sync.Mutex
func a(ctx context.Context, e *engine.Engine) { e.Store.Delete(ctx, "a") }
func b(ctx context.Context, e *engine.Engine) { f := e.Blobs.Close; f() }
func c() { go b(nil, nil) }
func d(c chan int) { c <- 1 }
func e() { for i := 0; i < 3; i++ { println(i) } }
func f(n []int) (out int) {
	if n == nil { return 0 }
	if n[0] == 1 { return 1 }
	if n[0] == 2 { return 2 }
	if n[0] == 3 { return 3 }
	if n[0] == 4 { return 4 }
	if n[0] == 5 { return 5 }
	if n[0] == 6 { return 6 }
	return 7
}
func good(ctx context.Context, e *engine.Engine) (string, error) { return e.Config.ID(), object.ErrHash }
`
	f, err := parser.ParseFile(c.files, "p.go", text, 0)
	if err != nil {
		t.Fatal(err)
	}
	found, err := c.logic("p", []*ast.File{f})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 7 {
		t.Errorf("found %d of 7: %v", len(found), found)
	}
}

// The methods on Repo, and the lines of its documentation before the first function, are
// what someone has to take in who meets the package.
func TestTheFaceOfTheRepositoryStaysSmall(t *testing.T) {
	c, packages := newTyped(t)
	i := slices.IndexFunc(packages, func(p exported) bool { return p.ImportPath == module+"repo" })
	exported, all := 0, 0
	for _, f := range c.parse(t, packages[i]) {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil {
				continue
			}
			star, ok := fn.Recv.List[0].Type.(*ast.StarExpr)
			if !ok {
				continue
			}
			if id, ok := star.X.(*ast.Ident); !ok || id.Name != "Repo" {
				continue
			}
			all++
			if fn.Name.IsExported() {
				exported++
			}
		}
	}
	if exported == 0 || exported > 20 || all > 40 {
		t.Errorf("Repo has %d exported methods of %d; at most 20 of 40 are meant", exported, all)
	}
	cmd := exec.Command("go", "doc", "./repo")
	cmd.Dir = "../../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	before, _, found := strings.Cut(string(out), "\nfunc ")
	if n := strings.Count(before, "\n"); !found || n > 60 {
		t.Errorf("go doc ./repo has %d lines before the first function; at most 60 are meant", n)
	}
}
