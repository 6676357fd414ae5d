package repo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing/fstest"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

func ExampleView_Entry() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	m, err := r.Latest(ctx, repo.Filter{})
	check(err)
	e, err := r.View(m).Entry(ctx, "src/main.go")
	check(err)
	fmt.Println(e.Name, e.Type, e.Size)
	_, err = r.View(m).Entry(ctx, "src/other.go")
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output:
	// main.go file 13
	// true
}

func ExampleView_Lookup() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	m, err := r.Latest(ctx, repo.Filter{})
	check(err)
	v := r.View(m)
	dir, err := v.Lookup(ctx, &m.Root, "src")
	check(err)
	file, err := v.Lookup(ctx, dir, "main.go")
	check(err)
	fmt.Println(file.Name, file.Size)
	// Output: main.go 13
}

func ExampleView_WriteTo() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	m, err := r.Latest(ctx, repo.Filter{})
	check(err)
	v := r.View(m)
	file, err := v.Entry(ctx, "src/main.go")
	check(err)
	check(v.WriteTo(ctx, os.Stdout, file))
	// Output: package main
}

func ExampleView_ReadAt() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	m, err := r.Latest(ctx, repo.Filter{})
	check(err)
	v := r.View(m)
	file, err := v.Entry(ctx, "src/main.go")
	check(err)
	p := make([]byte, 4)
	_, err = v.ReadAt(ctx, file, p, 8)
	check(err)
	fmt.Println(string(p))
	// Output: main
}

func ExampleView_Walk() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	m, err := r.Latest(ctx, repo.Filter{})
	check(err)
	err = r.View(m).Walk(ctx, &m.Root, func(path string, e *snapshot.Entry, err error) error {
		if err != nil {
			return err
		}
		fmt.Println(path, e.Type, e.Size)
		if path == "src" {
			return fs.SkipDir
		}
		return nil
	})
	check(err)
	// Output:
	// readme.txt file 6
	// src dir 0
}

func ExampleView_FS() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	m, err := r.Latest(ctx, repo.Filter{})
	check(err)
	// http.FileServerFS could serve this.
	err = fs.WalkDir(r.View(m).FS(ctx), ".", func(path string, d fs.DirEntry, err error) error {
		fmt.Println(path)
		return err
	})
	check(err)
	// Output:
	// .
	// readme.txt
	// src
	// src/main.go
}

func ExampleView_ReadDir() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	m, err := r.Latest(ctx, repo.Filter{})
	check(err)
	for e, err := range r.View(m).ReadDir(ctx, &m.Root) {
		check(err)
		fmt.Println(e.Name, e.Type)
	}
	// Output:
	// readme.txt file
	// src dir
}

func ExampleView_Notes() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	files := fstest.MapFS{"small": {Data: make([]byte, 10)}, "large": {Data: make([]byte, 1000)}}
	m, err := r.Snapshot(ctx, repo.FromFS(files, "/srv/app"), repo.SnapshotOptions{MaxFileSize: new(int64(100))})
	check(err)
	for note, err := range r.View(m).Notes(ctx) {
		check(err)
		fmt.Println(note.Path, note.Kind)
	}
	// Output: large size
}

func ExampleView_DiffContent() {
	ctx := context.Background()
	r := exampleVersions(ctx)
	defer r.Close()
	versions, err := r.Snapshots(ctx, repo.Filter{}) // the oldest first
	check(err)
	before, err := r.View(versions[0]).Entry(ctx, "readme.txt")
	check(err)
	v := r.View(versions[1])
	after, err := v.Entry(ctx, "readme.txt")
	check(err)
	removed, added, err := v.DiffContent(ctx, before, after)
	check(err)
	fmt.Println(removed, added)
	// Output: 6 12
}
