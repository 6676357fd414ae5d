package repo_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing/fstest"

	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// damagedRepo returns a repository with one snapshot of two files, and a pack in which a byte
// has changed.
func damagedRepo(ctx context.Context) *repo.Repo {
	var t targettest.Memory
	r, err := repo.Init(ctx, &t, exampleKey(), repo.InitOptions{})
	check(err)
	files := fstest.MapFS{"readme.txt": {Data: []byte("hello\n")}, "src/main.go": {Data: []byte("package main\n")}}
	_, err = r.Snapshot(ctx, repo.FromFS(files, "/srv/app"), repo.SnapshotOptions{})
	check(err)
	for name, b := range t.Objects() {
		if strings.HasPrefix(name, "packs/") && b[5] != 'T' { // of files, not of trees
			b[80]++
			t.Set(name, b)
		}
	}
	return r
}

func ExampleMaintenance_RepairPacks() {
	ctx := context.Background()
	r := damagedRepo(ctx)
	defer r.Close()
	report, err := r.Maintenance().RepairPacks(ctx, repo.PackRepairOptions{
		Save: func(id pack.ID, bytes io.Reader) error {
			n, err := io.Copy(io.Discard, bytes) // or into a file
			fmt.Println("could be kept:", n > 0)
			return err
		},
	})
	check(err)
	fmt.Printf("removed %d pack, moved %d chunks, lost %d\n", len(report.Damaged), report.Salvaged, report.Lost)
	// Output:
	// could be kept: true
	// removed 1 pack, moved 0 chunks, lost 2
}

func ExampleMaintenance_RepairSnapshots() {
	ctx := context.Background()
	r := damagedRepo(ctx)
	defer r.Close()
	_, err := r.Maintenance().RepairPacks(ctx, repo.PackRepairOptions{})
	check(err)
	repairs, err := r.Maintenance().RepairSnapshots(ctx, nil, repo.SnapshotRepairOptions{
		Lost: func(m *snapshot.Manifest, path string, e *snapshot.Entry, why error) { fmt.Println("lost:", path) },
	})
	check(err)
	for _, one := range repairs {
		fmt.Println(one.Lost, "of", one.Repaired.Stats.Files+uint64(one.Lost), "files")
	}
	// Output:
	// lost: readme.txt
	// lost: src/main.go
	// 2 of 2 files
}

func ExampleMaintenance_RepairIndex() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	report, err := r.Maintenance().RepairIndex(ctx)
	check(err)
	fmt.Printf("%d packs are listed in place of %d index delta, %d chunks and trees are lost\n", report.Packs, report.Replaced, report.Lost)
	// Output: 2 packs are listed in place of 1 index delta, 0 chunks and trees are lost
}

func ExampleMaintenance_Rewrite() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	m, err := r.Latest(ctx, repo.Filter{})
	check(err)
	next, err := r.Maintenance().Rewrite(ctx, m.ID, repo.RewriteOptions{
		Exclude: []string{"*.go"},
		Forget:  true,
		Dropped: func(path string, e *snapshot.Entry) { fmt.Println("without", path) },
	})
	check(err)
	fmt.Println(next.Original == m.ID, next.Stats.Files)
	// Output:
	// without src/main.go
	// true 1
}

func ExampleMaintenance_Adopt() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	m, err := r.Latest(ctx, repo.Filter{})
	check(err)
	adopted, err := r.Maintenance().Adopt(ctx, repo.AdoptOptions{From: m.Hostname, To: "web2"})
	check(err)
	for _, one := range adopted {
		fmt.Println(one.New.Hostname, one.New.Paths, one.New.Original == m.ID)
	}
	// Output: web2 [/srv/app] true
}
