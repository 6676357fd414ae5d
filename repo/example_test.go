package repo_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing/fstest"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target/local"
	"github.com/qsnap/qsnap/target/targettest"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// exampleKey returns a key. It opens a repository in less time than a passphrase.
func exampleKey() repo.Secret {
	text, err := repo.NewKey()
	check(err)
	key, err := repo.ParseKey(text)
	check(err)
	return key
}

// exampleRepo returns a repository in memory with one snapshot of two files.
func exampleRepo(ctx context.Context) *repo.Repo {
	r, err := repo.Init(ctx, &targettest.Memory{}, exampleKey(), repo.InitOptions{})
	check(err)
	files := fstest.MapFS{"readme.txt": {Data: []byte("hello\n")}, "src/main.go": {Data: []byte("package main\n")}}
	_, err = r.Snapshot(ctx, repo.FromFS(files, "/srv/app"), repo.SnapshotOptions{Tags: []string{"hourly"}})
	check(err)
	return r
}

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	check(err)
	defer os.RemoveAll(dir)
	app := filepath.Join(dir, "app")
	check(os.Mkdir(app, 0o755))
	check(os.WriteFile(filepath.Join(app, "hello.txt"), []byte("hello, world\n"), 0o644))

	t, err := local.Create(filepath.Join(dir, "backup"))
	check(err)
	r, err := repo.Init(ctx, t, repo.Passphrase("correct horse battery staple"), repo.InitOptions{})
	check(err)
	defer r.Close()
	m, err := r.Snapshot(ctx, repo.Paths(app), repo.SnapshotOptions{})
	check(err)
	_, err = r.Restore(ctx, m, repo.RestoreOptions{To: filepath.Join(dir, "restored")})
	check(err)
	text, err := os.ReadFile(filepath.Join(dir, "restored", "hello.txt"))
	check(err)
	fmt.Printf("%d file, %s", m.Stats.Files, text)
	// Output: 1 file, hello, world
}

func ExampleOpen() {
	ctx := context.Background()
	var t targettest.Memory
	_, err := repo.Init(ctx, &t, repo.Passphrase("secret"), repo.InitOptions{})
	check(err)

	_, err = repo.Open(ctx, &t, repo.Passphrase("guess"), repo.Options{})
	fmt.Println(err)
	r, err := repo.Open(ctx, &t, repo.Passphrase("secret"), repo.Options{})
	check(err)
	fmt.Println(len(r.ID()), "digits")
	check(r.Close())
	// Output:
	// wrong password or key
	// 64 digits
}

func ExampleRepo_Snapshot() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	// Any file system will do.
	m, err := r.Snapshot(ctx, repo.FromFS(os.DirFS("."), "/some/where"), repo.SnapshotOptions{
		Tags:    []string{"nightly"},
		Exclude: []string{"*"},
		Progress: func(p repo.SnapshotProgress) {
			if p.Problem != nil {
				log.Print(p.Problem)
			}
		},
	})
	check(err)
	fmt.Println(m.Stats.Files, m.Tags, m.Problems.Total)
	// Output: 0 [nightly] 0
}

// A dry run says what a snapshot would cost, and stores nothing.
func ExampleRepo_Snapshot_dryRun() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	var cost repo.Cost
	m, err := r.Snapshot(ctx, repo.Stream("numbers", strings.NewReader("one two three")), repo.SnapshotOptions{DryRun: &cost})
	check(err)
	fmt.Println(m.Stats.Bytes, "bytes;", m.ID.IsZero(), cost.Requests > 0, cost.BytesUp > 0)
	// Output: 13 bytes; true true true
}

func ExampleRepo_Restore() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	m, err := r.Latest(ctx, repo.Filter{})
	check(err)
	dir, err := os.MkdirTemp("", "example")
	check(err)
	defer os.RemoveAll(dir)
	o := repo.RestoreOptions{To: dir, Include: []string{"*.go"}, DryRun: true}
	plan, err := r.Restore(ctx, m, o)
	check(err)
	fmt.Printf("would write %d files, %d bytes\n", plan.Files, plan.Bytes)
	o.DryRun = false
	done, err := r.Restore(ctx, m, o)
	check(err)
	fmt.Printf("wrote %d bytes\n", done.BytesWritten)
	// Output:
	// would write 1 files, 13 bytes
	// wrote 13 bytes
}

func ExampleRepo_Diff() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	before, err := r.Latest(ctx, repo.Filter{})
	check(err)
	files := fstest.MapFS{"readme.txt": {Data: []byte("hello again\n")}, "src/main_test.go": {Data: []byte("package main\n")}}
	after, err := r.Snapshot(ctx, repo.FromFS(files, "/srv/app"), repo.SnapshotOptions{})
	check(err)
	for c, err := range r.Diff(ctx, &before.Root, &after.Root) {
		check(err)
		fmt.Println(c.Path, c.Before != nil, c.After != nil, c.Content)
	}
	// Output:
	// readme.txt true true true
	// src/main.go true false true
	// src/main_test.go false true true
}

func ExampleRepo_Check() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	report, err := r.Check(ctx, repo.CheckOptions{ReadData: true})
	check(err)
	fmt.Println(report.Snapshots, "snapshot; damaged:", report.Damaged())
	// Output: 1 snapshot; damaged: false
}

// Damage is an error, and the report names the files that it affects.
func ExampleErrDamaged() {
	ctx := context.Background()
	r := damagedRepo(ctx)
	defer r.Close()
	report, err := r.Check(ctx, repo.CheckOptions{ReadData: true})
	if errors.Is(err, repo.ErrDamaged) {
		for _, f := range report.Findings {
			if f.IsDamage() {
				fmt.Println(f.Kind, "that", f.Total, "files need, such as", f.Files[0].Path)
			}
		}
	}
	// Output: pack that 2 files need, such as readme.txt
}
