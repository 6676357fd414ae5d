package repo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing/fstest"

	"github.com/qsnap/qsnap/repo"
)

func ExamplePaths() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	dir, err := os.MkdirTemp("", "example")
	check(err)
	defer os.RemoveAll(dir)
	check(os.WriteFile(filepath.Join(dir, "app.conf"), nil, 0o644))

	// A source that is missing fails no snapshot: the error says what it lacks.
	m, err := r.Snapshot(ctx, repo.Paths(filepath.Join(dir, "app.conf"), filepath.Join(dir, "app.db")), repo.SnapshotOptions{})
	if missing, ok := errors.AsType[*repo.IncompleteError](err); ok {
		for _, source := range missing.Missing {
			fmt.Println("not taken:", filepath.Base(source.Path))
		}
	} else if err != nil {
		check(err) // there is no snapshot
	}
	fmt.Println(m.Stats.Files, "file; good:", m.Good())
	// Output:
	// not taken: app.db
	// 1 file; good: false
}

// The output of a program becomes a snapshot of one file, without a file in between.
func ExampleStream() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	dump := strings.NewReader("CREATE TABLE t (n int);\n") // such as the output of a command
	m, err := r.Snapshot(ctx, repo.Stream("app.sql", dump), repo.SnapshotOptions{})
	check(err)
	fmt.Println(m.Paths, m.Stats.Bytes)

	_, err = r.Snapshot(ctx, repo.Stream("app.sql", strings.NewReader("")), repo.SnapshotOptions{})
	fmt.Println("nothing was dumped:", errors.Is(err, repo.ErrEmptySource))
	// Output:
	// [/app.sql] 24
	// nothing was dumped: true
}

func ExampleFromFS() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	var files fs.FS = fstest.MapFS{"index.html": {Data: []byte("<p>hello\n")}} // or a *zip.Reader, an embed.FS
	m, err := r.Snapshot(ctx, repo.FromFS(files, "/site"), repo.SnapshotOptions{})
	check(err)
	fmt.Println(m.Paths, m.Stats.Files)
	// Output: [/site] 1
}

// DryRun tells what a snapshot would cost, and stores nothing.
func ExampleSnapshotOptions_dryRun() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	var cost repo.Cost
	m, err := r.Snapshot(ctx, repo.FromFS(fstest.MapFS{"a": {Data: make([]byte, 5000)}}, "/a"), repo.SnapshotOptions{DryRun: &cost})
	check(err)
	fmt.Println(m.Stats.Bytes, "bytes would be read; something would be sent:", cost.BytesUp > 0)
	all, err := r.Snapshots(ctx, repo.Filter{})
	check(err)
	fmt.Println(len(all), "snapshot, as before")
	// Output:
	// 5000 bytes would be read; something would be sent: true
	// 1 snapshot, as before
}

func ExampleSnapshotProgress() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	files := fstest.MapFS{"a": {Data: make([]byte, 5000)}}
	_, err := r.Snapshot(ctx, repo.FromFS(files, "/a"), repo.SnapshotOptions{
		Exclude: []string{"*.tmp"},
		Progress: func(p repo.SnapshotProgress) {
			switch {
			case p.Problem != nil:
				fmt.Printf("%s: %v\n", p.Path, p.Problem)
			case p.Finished:
				fmt.Println(p.Done, p.Unit, "done; these met nothing:", p.Unmatched)
			case p.Total > 0: // what the parent had
				// draw a bar: float64(p.Done) / float64(p.Total), or p.Current without one
			}
		},
	})
	check(err)
	// Output: 5000 bytes done; these met nothing: [--exclude "*.tmp"]
}

// All verbs report how far they are in the same form.
func ExampleProgress() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	_, err := r.Check(ctx, repo.CheckOptions{Progress: func(p repo.Progress) {
		fmt.Printf("phase %q: %d of %d %s done\n", p.Phase, p.Done, p.Total, p.Unit)
	}})
	check(err)
	// Output: phase "snapshots": 0 of 1 snapshots done
}

func ExampleParseRules() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	rules, err := repo.ParseRules(strings.NewReader("# what can be made again\n*.o\n/build/\n"), "backup.ignore")
	check(err)
	for _, rule := range rules {
		fmt.Println(rule.Source(), rule)
	}
	files := fstest.MapFS{"main.c": {}, "main.o": {}, "build/app": {}}
	m, err := r.Snapshot(ctx, repo.FromFS(files, "/src"), repo.SnapshotOptions{ExcludeRules: rules})
	check(err)
	fmt.Println(m.Stats.Files)
	// Output:
	// backup.ignore:2 *.o
	// backup.ignore:3 /build/
	// 1
}

func ExampleParseCompression() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	level, err := repo.ParseCompression("better")
	check(err)
	_, err = r.Snapshot(ctx, repo.FromFS(fstest.MapFS{"a": {}}, "/a"), repo.SnapshotOptions{Compression: level})
	check(err)
	fmt.Println(level == repo.CompressionBetter)
	// Output: true
}

// A path that a person copied from a shell is found in a snapshot.
func ExamplePathIn() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	m, err := r.Latest(ctx, repo.Filter{})
	check(err)
	path, ok := repo.PathIn(m, "/srv/app/src/main.go")
	fmt.Println(path, ok)
	_, ok = repo.PathIn(m, "/etc/passwd")
	fmt.Println(ok)
	// Output:
	// src/main.go true
	// false
}

func ExampleParsePatterns() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	m, err := r.Latest(ctx, repo.Filter{})
	check(err)
	patterns, err := repo.ParsePatterns([]string{"/srv/app/src/*.go", "*.py"})
	check(err)
	here, err := patterns.In(m)
	check(err)
	fmt.Println(here.Match("src/main.go", false), here.Match("readme.txt", false))
	fmt.Println("met nothing:", here.Unmatched())
	// Output:
	// true false
	// met nothing: [*.py]
}
