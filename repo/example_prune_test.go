package repo_test

import (
	"context"
	"fmt"
	"testing/fstest"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
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

// Where a target can't create objects atomically, Prune keeps what an interrupted run left
// pending. A person who knows that its process has ended drops it.
func ExampleMaintenance_Pending() {
	ctx := context.Background()
	var t targettest.Memory
	r := exampleOn(ctx, &t)
	defer r.Close()
	interrupt(ctx, r, &t)

	pending, err := r.Maintenance().Pending(ctx)
	check(err)
	_, err = r.Prune(ctx, repo.PruneOptions{DropPending: pending, AllowNoSnapshots: true})
	check(err)
	left, err := r.Maintenance().Pending(ctx)
	check(err)
	fmt.Println(len(pending), "was pending,", len(left), "is now")
	// Output: 1 was pending, 0 is now
}

// interrupt leaves the newest snapshot as if its process had died before it published it.
func interrupt(ctx context.Context, r *repo.Repo, t *targettest.Memory) {
	m, err := r.Latest(ctx, repo.Filter{})
	check(err)
	name := "/" + m.ID.String()
	t.Set("pending"+name, t.Objects()["snapshots"+name])
	t.Set("snapshots"+name, nil)
}
