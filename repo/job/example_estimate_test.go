package job_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/qsnap/qsnap/repo/job"
)

// How much will the next run store, and how often does the job run in a month?
func ExampleEstimate() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "qsnap-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	app, err := prepare(ctx, dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	o := job.Options{Profile: app, State: filepath.Join(dir, "state")}
	for range 2 { // the first version is no example of the others
		if _, err := job.Run(ctx, o); err != nil {
			fmt.Println(err)
			return
		}
	}
	e, err := job.Estimate(ctx, o)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("the next run is %s and stores %d new bytes\n", e.Level, e.Next.New)
	fmt.Printf("%d runs in %d days store %d new bytes\n", e.Month.Runs, e.Days, e.Month.New)
	// Output:
	// the next run is incremental and stores 0 new bytes
	// 720 runs in 30 days store 0 new bytes
}
