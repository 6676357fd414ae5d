package api

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Exported returns the exported declarations of the package in a directory, sorted, one a
// line.
func Exported(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range file.Decls {
			out = append(out, declared(d)...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// declared returns the lines of a declaration.
func declared(d ast.Decl) (out []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if !d.Name.IsExported() {
			break
		}
		if d.Recv == nil {
			return []string{"func " + d.Name.Name + typeParams(d.Type.TypeParams) + signature(d.Type)}
		}
		if on := text(d.Recv.List[0].Type); ast.IsExported(strings.TrimPrefix(on, "*")) {
			return []string{fmt.Sprintf("method (%s) %s%s", on, d.Name.Name, signature(d.Type))}
		}
	case *ast.GenDecl:
		var typ ast.Expr // of the constants of a group, which is written at the first
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				out = append(out, typeLines(s)...)
			case *ast.ValueSpec:
				if d.Tok == token.VAR || s.Type != nil || len(s.Values) > 0 {
					typ = s.Type
				}
				out = append(out, values(d.Tok, s, typ)...)
			}
		}
	}
	return out
}

// values returns the lines of constants or variables of a type, which may be unknown.
func values(tok token.Token, s *ast.ValueSpec, typ ast.Expr) (out []string) {
	for i, name := range s.Names {
		if !name.IsExported() {
			continue
		}
		line := tok.String() + " " + name.Name
		if typ != nil {
			line += " " + text(typ)
		} else if i < len(s.Values) && makesError(s.Values[i]) {
			line += " error"
		}
		if i < len(s.Values) && tok == token.CONST && typ != nil {
			if literal, ok := s.Values[i].(*ast.BasicLit); ok {
				line += " = " + literal.Value
			}
		}
		out = append(out, line)
	}
	return out
}

func makesError(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	f := text(call.Fun)
	return f == "errors.New" || f == "fmt.Errorf"
}

// typeLines returns the line of a type, and one for each exported field or method of a
// struct or an interface.
func typeLines(s *ast.TypeSpec) []string {
	if !s.Name.IsExported() {
		return nil
	}
	name := "type " + s.Name.Name + typeParams(s.TypeParams)
	if s.Assign.IsValid() {
		return []string{name + " = " + text(s.Type)}
	}
	switch t := s.Type.(type) {
	case *ast.StructType:
		out := []string{name + " struct"}
		for _, f := range t.Fields.List {
			for _, n := range f.Names {
				if n.IsExported() {
					out = append(out, name+" struct, "+n.Name+" "+text(f.Type)+tag(f))
				}
			}
			if len(f.Names) == 0 {
				out = append(out, name+" struct, embedded "+text(f.Type)+tag(f))
			}
		}
		return out
	case *ast.InterfaceType:
		out := []string{name + " interface"}
		for _, m := range t.Methods.List {
			f, ok := m.Type.(*ast.FuncType)
			switch {
			case !ok:
				out = append(out, name+" interface, embedded "+text(m.Type))
			case m.Names[0].IsExported():
				out = append(out, name+" interface, "+m.Names[0].Name+signature(f))
			default:
				out = append(out, name+" interface, unexported methods")
			}
		}
		return out
	}
	return []string{name + " " + text(s.Type)}
}

// tag returns a field's tag, which decides what it is called in JSON.
func tag(f *ast.Field) string {
	if f.Tag == nil {
		return ""
	}
	return " " + f.Tag.Value
}

// typeParams returns type parameters in brackets, if there are any.
func typeParams(list *ast.FieldList) string {
	if list == nil {
		return ""
	}
	var out []string
	for _, f := range list.List {
		for _, n := range f.Names {
			out = append(out, n.Name+" "+text(f.Type))
		}
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// signature returns the parameters and results of a function, without their names.
func signature(f *ast.FuncType) string {
	out := "(" + strings.Join(types(f.Params), ", ") + ")"
	switch results := types(f.Results); len(results) {
	case 0:
		return out
	case 1:
		return out + " " + results[0]
	default:
		return out + " (" + strings.Join(results, ", ") + ")"
	}
}

func types(list *ast.FieldList) (out []string) {
	if list == nil {
		return nil
	}
	for _, f := range list.List {
		for range max(1, len(f.Names)) {
			out = append(out, text(f.Type))
		}
	}
	return out
}

// text returns an expression as it is written, in one line. Functions in it have no names
// of parameters.
func text(e ast.Expr) string {
	if f, ok := e.(*ast.FuncType); ok {
		return "func" + signature(f)
	}
	var b strings.Builder
	if err := printer.Fprint(&b, token.NewFileSet(), e); err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
