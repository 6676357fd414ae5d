package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// question matches a question, at the end of a text or within it.
var question = regexp.MustCompile(`\pL"?\?(\W|$)`)

// questions returns the texts of errors.New and fmt.Errorf that are questions, and how many
// texts there are.
func questions(set *token.FileSet, file *ast.File) (found []string, texts int) {
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 || !makesError(call.Fun) {
			return true
		}
		ast.Inspect(call.Args[0], func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			texts++
			if text, _ := strconv.Unquote(lit.Value); question.MatchString(text) {
				found = append(found, set.Position(lit.Pos()).String()+": "+text)
			}
			return true
		})
		return true
	})
	return found, texts
}

// makesError reports whether a function is errors.New or fmt.Errorf.
func makesError(f ast.Expr) bool {
	s, ok := f.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := s.X.(*ast.Ident)
	return ok && (pkg.Name == "errors" && s.Sel.Name == "New" || pkg.Name == "fmt" && s.Sel.Name == "Errorf")
}

func TestNoErrorIsAQuestion(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	all := 0
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		found, texts := questions(set, file)
		all += texts
		for _, q := range found {
			t.Errorf("%s: an error says what failed", q)
		}
	}
	if all < 80 {
		t.Errorf("only %d texts of errors were found", all)
	}
}

func TestQuestionsAreFound(t *testing.T) {
	for text, want := range map[string]bool{
		`errors.New("forget what?")`:                       true,
		`errors.New("which \"one\"?")`:                     true,
		`fmt.Errorf("the latest of what? of %d", 2)`:       true,
		`errors.New("no snapshot given" + ": which one?")`: true,
		`errors.New("no snapshot given")`:                  false,
		`errors.New("s3://bucket?endpoint=x")`:             false,
		`errors.New("$? is 141")`:                          false,
		`fmt.Sprintf("forget what?")`:                      false,
	} {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, "p.go", "package p\n\nvar err = "+text+"\n", 0)
		if err != nil {
			t.Fatal(err)
		}
		if found, _ := questions(set, file); len(found) > 0 != want {
			t.Errorf("%s: found %q", text, found)
		}
	}
}
