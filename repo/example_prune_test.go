package repo_test

import (
	"context"
	"fmt"
	"testing/fstest"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

func ExampleRepo_Prune() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	before, err := r.Latest(ctx, repo.Filter{})
	check(err)
	files := fstest.MapFS{"other.txt": {Data: []byte("nothing of the first is in this\n")}}
	_, err = r.Snapshot(ctx, repo.FromFS(files, "/srv/app"), repo.SnapshotOptions{})
	check(err)
	check(r.Forget(ctx, []snapshot.ID{before.ID}))

	plan, err := r.Prune(ctx, repo.PruneOptions{DryRun: true})
	check(err)
	fmt.Printf("would delete %d packs of %d\n", plan.Removed, plan.Packs)
	done, err := r.Prune(ctx, repo.PruneOptions{})
	check(err)
	fmt.Printf("deleted %d packs\n", done.Removed)
	// Output:
	// would delete 2 packs of 4
	// deleted 2 packs
}
