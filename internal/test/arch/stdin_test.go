package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mayUseStdin names the files that know standard input: what passes it on to snapshots, what
// looks at the terminal it may be, and the child of qsnapd, whose order comes that way.
var mayUseStdin = []string{"cmd/qsnap/main.go", "cmd/qsnapd/main.go", "cmd/qsnap/signals.go", "internal/test/bench/hold_linux.go"}

// givesStdin names the files that give a child process a standard input of its own. They
// can't give it the standard input of the program: that stays unknown to them.
var givesStdin = []string{"internal/hook/command.go"}

// Standard input that is data belongs to the data. No child process inherits it: package
// exec gives it the null device, unless its field Stdin is set.
func TestNoChildProcessGetsStandardInput(t *testing.T) {
	children := 0
	err := filepath.WalkDir("../../..", func(path string, d fs.DirEntry, err error) error {
		name := strings.TrimPrefix(filepath.ToSlash(path), "../../../")
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".." || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir(), !strings.HasSuffix(name, ".go"), strings.HasSuffix(name, "_test.go"):
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, left := range n.Lhs {
					if s, ok := left.(*ast.SelectorExpr); ok && s.Sel.Name == "Stdin" && !slices.Contains(givesStdin, name) {
						t.Errorf("%s: a child process gets standard input", set.Position(n.Pos()))
					}
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Stdin" {
					t.Errorf("%s: a child process gets standard input", set.Position(n.Pos()))
				}
			case *ast.SelectorExpr:
				x, ok := n.X.(*ast.Ident)
				if !ok {
					return true
				}
				switch x.Name + "." + n.Sel.Name {
				case "exec.Command", "exec.CommandContext":
					children++
				case "os.Stdin", "syscall.Stdin":
					if !slices.Contains(mayUseStdin, name) {
						t.Errorf("%s: standard input is used", set.Position(n.Pos()))
					}
				case "os.StartProcess", "syscall.Exec", "syscall.ForkExec", "syscall.StartProcess", "unix.Exec":
					t.Errorf("%s: a process is started without package exec", set.Position(n.Pos()))
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if children < 8 {
		t.Errorf("only %d places that start a process", children)
	}
}
