package repo_test

import (
	"context"
	"fmt"
	"testing/fstest"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target/targettest"
)

// exampleOn makes a repository with one snapshot on a target, and opens it.
func exampleOn(ctx context.Context, t *targettest.Memory) *repo.Repo {
	r, err := repo.Init(ctx, t, repo.Passphrase("secret"), repo.InitOptions{})
	check(err)
	files := fstest.MapFS{"readme.txt": {Data: []byte("hello\n")}}
	_, err = r.Snapshot(ctx, repo.FromFS(files, "/srv/app"), repo.SnapshotOptions{})
	check(err)
	return r
}

func ExampleRepo_Replicate() {
	ctx := context.Background()
	var here, there targettest.Memory
	r := exampleOn(ctx, &here)
	defer r.Close()
	report, err := r.Replicate(ctx, &there, repo.ReplicateOptions{})
	check(err)
	fmt.Println(report.Snapshots, "snapshot copied,", report.RemovedSnapshots, "removed")
	report, err = r.Replicate(ctx, &there, repo.ReplicateOptions{})
	check(err)
	fmt.Println(report.Objects, "objects copied")
	// Output:
	// 1 snapshot copied, 0 removed
	// 0 objects copied
}

func ExampleReplicateKeyless() {
	ctx := context.Background()
	var here, there targettest.Memory
	check(exampleOn(ctx, &here).Close())
	report, err := repo.ReplicateKeyless(ctx, &here, &there, repo.KeylessOptions{})
	check(err)
	fmt.Println(report.Snapshots, "snapshot copied")
	// Output: 1 snapshot copied
}

func ExampleCompare() {
	ctx := context.Background()
	var here, there targettest.Memory
	r := exampleOn(ctx, &here)
	defer r.Close()
	_, err := r.Replicate(ctx, &there, repo.ReplicateOptions{})
	check(err)
	there.Set("config-copy", []byte("damaged"))
	found, err := repo.Compare(ctx, &here, &there, repo.CompareOptions{ReadData: true})
	check(err)
	for _, d := range found.Differences {
		fmt.Println(d.Name, d.Here, d.There)
	}
	// Output: config-copy differs differs
}

func ExamplePromote() {
	ctx := context.Background()
	var here, there targettest.Memory
	r := exampleOn(ctx, &here)
	_, err := r.Replicate(ctx, &there, repo.ReplicateOptions{})
	check(err)
	check(r.Close()) // and the target is lost

	check(repo.Promote(ctx, &there, repo.PromoteOptions{}))
	r, err = repo.Open(ctx, &there, repo.Passphrase("secret"), repo.Options{})
	check(err)
	defer r.Close()
	files := fstest.MapFS{"readme.txt": {Data: []byte("hello again\n")}}
	m, err := r.Snapshot(ctx, repo.FromFS(files, "/srv/app"), repo.SnapshotOptions{})
	check(err)
	fmt.Println("version", m.Number)
	// Output: version 2
}

func ExampleMaintenance_Heal() {
	ctx := context.Background()
	var here, there targettest.Memory
	r := exampleOn(ctx, &here)
	defer r.Close()
	_, err := r.Replicate(ctx, &there, repo.ReplicateOptions{})
	check(err)
	for name := range here.Objects() {
		if name[:6] == "packs/" {
			here.Set(name, nil) // it is lost
		}
	}
	report, err := r.Maintenance().Heal(ctx, &there, repo.HealOptions{})
	check(err)
	fmt.Println(report.Packs, "packs replaced, with", report.Blobs, "chunks and trees")
	// Output: 2 packs replaced, with 2 chunks and trees
}
