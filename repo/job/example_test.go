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
	"github.com/qsnap/qsnap/snapshot/retention"
)

// prepare makes a directory with a source, a repository, its key, and a profile for them.
func prepare(ctx context.Context, dir string) (profile.Profile, error) {
	key, err := repo.NewKey()
	if err != nil {
		return profile.Profile{}, err
	}
	config := "profiles:\n  app:\n    repo: repo\n    key-file: key\n    sources: [src]\n    schedule: {every: 1h}\n    retention: {keep-last: 72}\n    limits: {mode: \"off\"}\n"
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

// within runs an example with a profile that has a repository, and a state directory.
func within(do func(ctx context.Context, app profile.Profile, state string) error) {
	dir, err := os.MkdirTemp("", "qsnap-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	app, err := prepare(ctx, dir)
	if err == nil {
		err = do(ctx, app, filepath.Join(dir, "state"))
	}
	if err != nil {
		fmt.Println(err)
	}
}

// A job runs once an hour, whoever asks for it how often.
func ExampleRun() {
	within(func(ctx context.Context, app profile.Profile, state string) error {
		for range 2 {
			run, err := job.Run(ctx, job.Options{Profile: app, State: state, Scheduled: true})
			if err != nil {
				return err
			}
			if run.Skipped == "" {
				fmt.Printf("%s: %s version of %d file is good: %t\n", run.Profile, run.Level, run.Snapshot.Files, run.Snapshot.Good)
			} else {
				fmt.Println("skipped, because the slot is done")
			}
		}
		return nil
	})
	// Output:
	// app: incremental version of 1 file is good: true
	// skipped, because the slot is done
}

// A machine that is replaced takes its versions along.
func ExampleAdopt() {
	within(func(ctx context.Context, app profile.Profile, state string) error {
		app.Host = "old"
		if _, err := job.Run(ctx, job.Options{Profile: app, State: state}); err != nil {
			return err
		}
		app.Host = "new"
		adopted, err := job.Adopt(ctx, job.Options{Profile: app, State: state}, "old")
		for _, a := range adopted {
			fmt.Println(a.Old.Hostname, "->", a.New.Hostname)
		}
		return err
	})
	// Output: old -> new
}

func ExampleHost_History() {
	within(func(ctx context.Context, app profile.Profile, state string) error {
		if _, err := job.Run(ctx, job.Options{Profile: app, State: state}); err != nil {
			return err
		}
		runs, err := job.Host{State: state}.History(job.HistoryFilter{Profile: "app", Last: 10})
		for _, r := range runs {
			fmt.Printf("%s, %s: exit code %d, %d file\n", r.Profile, r.Trigger, r.Code, r.Snapshot.Files)
		}
		return err
	})
	// Output: app, manual: exit code 0, 1 file
}

// Without a service nothing waits: runs begin when they are asked for.
func ExampleHost_Queue() {
	within(func(ctx context.Context, app profile.Profile, state string) error {
		host := job.Host{State: state}
		s, err := host.Queue(ctx)
		if errors.Is(err, job.ErrNoService) {
			running, err := host.Running()
			fmt.Printf("no service; %d runs are under way\n", len(running))
			return err
		}
		for _, q := range s.Queue {
			fmt.Println(q.Position, q.Profile, q.Why)
		}
		return err
	})
	// Output: no service; 0 runs are under way
}

func ExampleHost_Enqueue() {
	within(func(ctx context.Context, app profile.Profile, state string) error {
		_, err := job.Host{State: state}.Enqueue(ctx, "app", job.EnqueueOptions{Priority: 9})
		if !errors.Is(err, job.ErrNoService) {
			return err
		}
		_, err = job.Run(ctx, job.Options{Profile: app, State: state})
		fmt.Println("no service: it has run here")
		return err
	})
	// Output: no service: it has run here
}

func ExampleHost_Cancel() {
	within(func(ctx context.Context, app profile.Profile, state string) error {
		err := job.Host{State: state}.Cancel(ctx, "app")
		if errors.Is(err, job.ErrNoRun) {
			fmt.Println(err)
			return nil
		}
		return err
	})
	// Output: no such run waits or is under way: app
}

func ExampleUsage() {
	within(func(ctx context.Context, app profile.Profile, state string) error {
		o := job.Options{Profile: app, State: state}
		for range 3 {
			if _, err := job.Run(ctx, o); err != nil {
				return err
			}
		}
		u, err := job.Usage(ctx, o)
		fmt.Printf("%d versions: %d bytes as full copies, %d as stored chunks\n", u.Versions, u.Full, u.Stored.ChunkBytes)
		return err
	})
	// Output: 3 versions: 15 bytes as full copies, 5 as stored chunks
}

func ExampleTrend() {
	within(func(ctx context.Context, app profile.Profile, state string) error {
		o := job.Options{Profile: app, State: state}
		for range 2 {
			if _, err := job.Run(ctx, o); err != nil {
				return err
			}
		}
		all, err := job.Trend(ctx, o)
		for i, g := range all {
			fmt.Printf("version %d: %d new bytes of files\n", i+1, g.New.ChunkBytes)
		}
		return err
	})
	// Output:
	// version 1: 5 new bytes of files
	// version 2: 0 new bytes of files
}

func ExampleCleanUp() {
	within(func(ctx context.Context, app profile.Profile, state string) error {
		o := job.Options{Profile: app, State: state}
		for range 5 {
			if _, err := job.Run(ctx, o); err != nil {
				return err
			}
		}
		r, err := job.CleanUp(ctx, o, job.CleanUpOptions{Within: retention.Span{Days: 30}, DryRun: true})
		fmt.Printf("by age: %d stay, %d would go\n", r.Kept, len(r.Forgotten))
		return err
	})
	// Output: by age: 5 stay, 0 would go
}

func ExamplePayOwed() {
	within(func(ctx context.Context, app profile.Profile, state string) error {
		err := job.PayOwed(ctx, job.Options{State: state})
		fmt.Println("nothing is owed:", err == nil)
		return err
	})
	// Output: nothing is owed: true
}

// A watcher looks at all profiles now and then. It runs the on-overdue hooks when one becomes
// overdue, and when it no longer is.
func ExampleStatus() {
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
	look := job.LookOptions{Profiles: []profile.Profile{app}, State: filepath.Join(dir, "state")}
	for range 2 {
		status, err := job.Status(ctx, look)
		fmt.Printf("%s is %s; overdue: %t\n", status.Profiles[0].Profile, status.Profiles[0].State, errors.Is(err, job.ErrOverdue))
		if err := job.NotifyOverdue(ctx, look, status); err != nil {
			fmt.Println(err)
		}
		if _, err := job.Run(ctx, job.Options{Profile: app, State: look.State, NoLimit: true}); err != nil {
			fmt.Println(err)
		}
	}
	report, err := job.Statistics(ctx, look)
	if err != nil {
		fmt.Println(err)
		return
	}
	p := report.Profiles[0]
	fmt.Printf("%d of %d runs were good; %d versions are kept\n", p.Success.Kept, p.Success.Of, p.Versions.Kept)
	// Output:
	// app is overdue; overdue: true
	// app is good; overdue: false
	// 2 of 2 runs were good; 2 versions are kept
}
