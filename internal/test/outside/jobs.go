package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/repo/job"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/snapshot/retention"
)

// jobs runs the profile app of a configuration as an operator's program does, and prints what
// it finds. The repository is made if it isn't there.
func jobs(ctx context.Context, config string) error {
	dir := filepath.Dir(config)
	err := profile.Add(config, os.Getenv, "app", []profile.Setting{
		{Key: "repo", Value: filepath.Join(dir, "repository")},
		{Key: "key-file", Value: filepath.Join(dir, "key")},
		{Key: "sources", Value: filepath.Join(dir, "app")},
		{Key: "schedule.every", Value: "1h"},
		{Key: "retention.keep-last", Value: "72"},
		{Key: "limits.mode", Value: "yield"},
	})
	if err != nil {
		return err
	}
	set, err := profile.Load(config, os.Getenv)
	if err != nil {
		return err
	}
	app, err := set.Get("app")
	if err != nil {
		return err
	}
	c, secret, err := app.Connect(os.Getenv)
	if err != nil {
		return err
	}
	r, err := connect.Init(ctx, c, secret, repo.InitOptions{})
	if err != nil {
		return err
	}
	if err := r.Close(); err != nil {
		return err
	}
	o := job.Options{Profile: app, State: filepath.Join(dir, "state"), Process: new(job.Process)}
	return errors.Join(threeRuns(ctx, o), look(ctx, o), remove(ctx, o))
}

// threeRuns runs the job three times: for the slot, for the slot that is done, and in full.
func threeRuns(ctx context.Context, o job.Options) error {
	full := snapshot.LevelFull
	scheduled, byHand := o, o
	scheduled.Scheduled, byHand.Level = true, &full
	for _, o := range []job.Options{scheduled, scheduled, byHand} {
		r, err := job.Run(ctx, o)
		if err != nil {
			return err
		}
		fmt.Printf("%s run, %s: skipped: %t\n", r.Trigger, r.Level, r.Skipped != "")
	}
	return nil
}

// look prints what there is.
func look(ctx context.Context, o job.Options) error {
	host := job.Host{State: o.State}
	runs, err := host.History(job.HistoryFilter{Profile: o.Profile.Name})
	if err != nil {
		return err
	}
	running, err := host.Running()
	if err != nil {
		return err
	}
	_, service := host.Queue(ctx)
	_, refused := host.Enqueue(ctx, o.Profile.Name, job.EnqueueOptions{Priority: 9})
	fmt.Printf("%d records, %d under way, no service: %t, %t\n", len(runs), len(running), errors.Is(service, job.ErrNoService), errors.Is(refused, job.ErrNoService))
	fmt.Printf("no run to cancel: %t\n", errors.Is(host.Cancel(ctx, o.Profile.Name), job.ErrNoRun))
	u, err := job.Usage(ctx, o)
	if err != nil {
		return err
	}
	trend, err := job.Trend(ctx, o)
	if err != nil {
		return err
	}
	fmt.Printf("%d versions, %d in the trend, the newest less than an hour old: %t\n", u.Versions, len(trend), time.Since(u.Newest) < time.Hour)
	return errors.Join(judge(ctx, o), job.PayOwed(ctx, job.Options{State: o.State}))
}

// judge prints how well the job does, and what it will need.
func judge(ctx context.Context, o job.Options) error {
	l := job.LookOptions{Profiles: []profile.Profile{o.Profile}, State: o.State}
	status, err := job.Status(ctx, l)
	if err != nil {
		return err
	}
	if err := job.NotifyOverdue(ctx, l, status); err != nil {
		return err
	}
	r, err := job.Statistics(ctx, l)
	if err != nil {
		return err
	}
	e, err := job.Estimate(ctx, o)
	if err != nil {
		return err
	}
	fmt.Printf("%d profile in the report; the next run reads %d bytes\n", len(r.Profiles), e.Next.Read)
	adopted, err := job.Adopt(ctx, o, "nobody")
	fmt.Printf("%d versions taken over\n", len(adopted))
	failed := 0
	err = errors.Join(err, job.CheckLive(ctx, o, func(l report.LiveCheck) {
		if l.State == report.LiveFailed {
			failed++
		}
	}))
	fmt.Printf("%d checks failed\n", failed)
	return err
}

// remove cleans up by count and age, and takes the profile out of the configuration.
func remove(ctx context.Context, o job.Options) error {
	r, err := job.CleanUp(ctx, o, job.CleanUpOptions{Keep: 1, Within: retention.Span{Hours: 1}})
	fmt.Printf("%d versions stay\n", r.Kept)
	return err
}
