package repo_test

import (
	"context"
	"fmt"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target/targettest"
)

func ExampleRepo_Copy() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	other, err := repo.Init(ctx, &targettest.Memory{}, exampleKey(), repo.InitOptions{})
	check(err)
	defer other.Close()
	all, err := r.Snapshots(ctx, repo.Filter{})
	check(err)
	report, err := r.Copy(ctx, other, all, repo.CopyOptions{})
	check(err)
	fmt.Println(report.Copied, report.Skipped, report.Failed)
	report, err = r.Copy(ctx, other, all, repo.CopyOptions{})
	check(err)
	fmt.Println(report.Copied, report.Skipped, report.Failed)
	// Output:
	// 1 0 0
	// 0 1 0
}

func ExampleMaintenance_MakeTwin() {
	ctx := context.Background()
	var here, there targettest.Memory
	r := exampleOn(ctx, &here)
	defer r.Close()
	check(r.Maintenance().MakeTwin(ctx, &there))
	twin, err := repo.Open(ctx, &there, repo.Passphrase("secret"), repo.Options{})
	check(err)
	defer twin.Close()
	all, err := r.Snapshots(ctx, repo.Filter{})
	check(err)
	report, err := r.Copy(ctx, twin, all, repo.CopyOptions{})
	check(err)
	copied, err := twin.Snapshots(ctx, repo.Filter{})
	check(err)
	fmt.Println(report.Copied, twin.ID() == r.ID(), copied[0].ID == all[0].ID)
	// Output: 1 true true
}
