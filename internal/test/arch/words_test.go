package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// plain are the packages whose comments and messages are plain English. Others are added
// when they have been rewritten.
var plain = []string{
	"chunk",
	"cmd/qsnap",
	"cmd/qsnapd",
	"index",
	"internal/archive",
	"internal/blob",
	"internal/cache",
	"internal/capture",
	"internal/catalog",
	"internal/check",
	"internal/config",
	"internal/control",
	"internal/control/client",
	"internal/ctxmutex",
	"internal/disk",
	"internal/dispatch",
	"internal/engine",
	"internal/exit",
	"internal/extract",
	"internal/governor",
	"internal/forecast",
	"internal/hook",
	"internal/history",
	"internal/ignore",
	"internal/keyring",
	"internal/keys",
	"internal/mount",
	"internal/object",
	"internal/outcome",
	"internal/pace",
	"internal/pagecache",
	"internal/patternfile",
	"internal/page",
	"internal/place",
	"internal/protect",
	"internal/prune",
	"internal/repair",
	"internal/replica",
	"internal/restore",
	"internal/retain",
	"internal/runlog",
	"internal/runs",
	"internal/samename",
	"internal/seal",
	"internal/series",
	"internal/source",
	"internal/state",
	"internal/take",
	"internal/transfer",
	"internal/unit",
	"internal/usage",
	"internal/view",
	"internal/write",
	"internal/yamledit",
	"pack",
	"repo",
	"repo/connect",
	"repo/job",
	"repo/job/calendar",
	"repo/job/profile",
	"repo/report",
	"snapshot",
	"snapshot/retention",
	"target",
	"target/local",
	"target/rclone",
	"target/s3",
	"target/sftp",
	"target/targettest",
	"target/webdav",
}

// plainTests are the packages whose tests are checked, too.
var plainTests = []string{"repo"}

// dialect matches turns of phrase that a reader has to take apart. Each has a plain
// equivalent in the glossary or in every dictionary.
var dialect = regexp.MustCompile(`(?i)\b(anew|passed over|passes over|but for|(is|are) told|told of\b|` +
	`has to be told|among them what|be it that|` +
	`is none of (the|a)|takes? it for|stands for it|as good as any of|` +
	`(given up|gives? up|takes?|taken|took)( \w+)? for dead|from afar|in vain|sees to it|` +
	`harms nobody|come(s)? to its end|all there (is|are)|so many (bytes|files|lines|parts)|` +
	`(newest|first|last) so many)\b`)

// headless matches a sentence at the beginning of a comment whose subject is "who" or
// "what", such as "Who deletes: …" or "What it can't remove goes …".
var headless = regexp.MustCompile(`^// (Who|What|Whoever) [a-z']+`)

// phrases returns the places in a file where the dialect is spoken: in comments and in
// string literals.
func phrases(set *token.FileSet, file *ast.File) (found []string) {
	add := func(pos token.Pos, text string) {
		found = append(found, set.Position(pos).String()+": "+text)
	}
	for _, group := range file.Comments {
		// A phrase may be broken over two lines.
		text := strings.Join(strings.Fields(group.Text()), " ")
		if s := dialect.FindString(text); s != "" {
			add(group.Pos(), s)
		}
		if s := headless.FindString(group.List[0].Text); s != "" {
			add(group.Pos(), s)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if s := dialect.FindString(lit.Value); s != "" {
				add(lit.Pos(), s)
			}
		}
		return true
	})
	return found
}

func TestCommentsAndMessagesArePlainEnglish(t *testing.T) {
	for _, pkg := range plain {
		areInPlainEnglish(t, pkg, func(name string) bool { return !strings.HasSuffix(name, "_test.go") })
	}
	for _, pkg := range plainTests {
		areInPlainEnglish(t, pkg, func(name string) bool { return strings.HasSuffix(name, "_test.go") })
	}
}

// areInPlainEnglish reports the dialect in those files of a package that are picked.
func areInPlainEnglish(t *testing.T, pkg string, pick func(name string) bool) {
	names, err := filepath.Glob("../../../" + pkg + "/*.go")
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %d files, %v", pkg, len(names), err)
	}
	for _, name := range names {
		if !pick(name) {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range phrases(set, file) {
			t.Errorf("%s: write it in plain English (see CONTRIBUTING.md)", p)
		}
	}
}

func TestTheDialectIsFound(t *testing.T) {
	const source = `package p

// Who deletes: names the packs first.
var a = 1

// b is made
// anew by the next run.
var b = 2

var c = "what is damaged is passed over"

// d is rebuilt by the next run. Whoever reads it waits.
var d = "what is damaged is skipped"
`
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "p.go", source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(phrases(set, file), "\n")
	want := "p.go:3:1: // Who deletes\np.go:6:1: anew\np.go:10:9: passed over"
	if got != want {
		t.Errorf("found\n%s\nwant\n%s", got, want)
	}
}
