package job_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/repo/job"
	"github.com/qsnap/qsnap/repo/job/profile"
)

// prepare makes a directory with a source, a repository, its key, and a profile for them.
func prepare(ctx context.Context, dir string) (profile.Profile, error) {
	key, err := repo.NewKey()
	if err != nil {
		return profile.Profile{}, err
	}
	config := "profiles:\n  app:\n    repo: repo\n    key-file: key\n    sources: [src]\n    schedule: {every: 1h}\n    retention: {keep-last: 72}\n"
	for name, text := range map[string]string{"key": key, "src/page.html": "hello", "config.yaml": config} {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			return profile.Profile{}, err
		}
	}
	set, err := profile.Load(filepath.Join(dir, "config.yaml"), os.Getenv)
	if err != nil {
		return profile.Profile{}, err
	}
	p, err := set.Get("app")
	if err != nil {
		return p, err
	}
	c, secret, err := p.Connect(os.Getenv)
	if err != nil {
		return p, err
	}
	r, err := connect.Init(ctx, c, secret, repo.InitOptions{})
	if err != nil {
		return p, err
	}
	return p, r.Close()
}

// A job runs once an hour, whoever asks for it how often.
func ExampleRun() {
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
	for range 2 {
		run, err := job.Run(ctx, job.Options{Profile: app, State: filepath.Join(dir, "state"), Scheduled: true})
		if err != nil {
			fmt.Println(err)
			return
		}
		if run.Skipped == "" {
			fmt.Printf("%s: %s version of %d file is good: %t\n", run.Profile, run.Level, run.Snapshot.Files, run.Snapshot.Good)
		} else {
			fmt.Println("skipped, because the slot is done")
		}
	}
	// Output:
	// app: incremental version of 1 file is good: true
	// skipped, because the slot is done
}

// A machine that is replaced takes its versions along.
func ExampleAdopt() {
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
	app.Host = "old"
	_, err = job.Run(ctx, job.Options{Profile: app, State: filepath.Join(dir, "state")})
	if err != nil {
		fmt.Println(err)
		return
	}
	app.Host = "new"
	adopted, err := job.Adopt(ctx, job.Options{Profile: app, State: filepath.Join(dir, "state")}, "old")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range adopted {
		fmt.Println(a.Old.Hostname, "->", a.New.Hostname)
	}
	// Output: old -> new
}
