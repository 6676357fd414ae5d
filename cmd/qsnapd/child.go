package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/job"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

// childArgument makes the program a child of the service.
const childArgument = "make-run"

// runChild makes the run that standard input orders, and returns the exit code. If the service
// dies, the run goes on: its record is in the history.
func runChild(stdin io.Reader, stdout, stderr io.Writer) int {
	outliveService()
	in := bufio.NewScanner(stdin)
	in.Buffer(nil, 1<<20)
	var o order
	if !in.Scan() || json.Unmarshal(in.Bytes(), &o) != nil {
		fmt.Fprintf(stderr, "qsnapd: %q is for qsnapd itself\n", childArgument)
		return exit.Of(exit.ErrUsage, true).Code
	}
	ctx, stop := signal.NotifyContext(context.Background(), endings...)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if in.Scan() {
			cancel(errors.New(in.Text()))
		}
	}()
	var mu sync.Mutex
	say := func(w word) {
		mu.Lock()
		defer mu.Unlock()
		_ = json.NewEncoder(stdout).Encode(w) // the service may be dead
	}
	run, err := o.run(ctx, say)
	if err != nil && run.Code == exit.OK {
		run.Code, run.Kind = exit.Of(err, true).Code, exit.Of(err, true).Kind
	}
	if err != nil && run.Message == "" {
		run.Message = term.OneLine(err)
	}
	say(word{Run: &run})
	return run.Code
}

// run makes the run.
func (o order) run(ctx context.Context, say func(word)) (report.Run, error) {
	q := o.Request
	set, err := profile.Load(o.Config, os.Getenv)
	if err != nil {
		return report.Run{}, exit.As(err, exit.ErrUsage)
	}
	p, err := set.Get(q.Profile)
	if err != nil {
		return report.Run{}, exit.As(err, exit.ErrUsage)
	}
	options := job.Options{
		Profile: p, State: o.State, NoLimit: q.NoLimit, Process: new(job.Process), ID: q.ID, Trigger: q.Trigger, Priority: q.Priority,
		Progress: func(p report.RunProgress) { say(word{Progress: &p}) },
		Warn:     func(err error) { say(word{Warning: term.OneLine(err)}) },
	}
	if q.Trigger != report.ByHand {
		options.Scheduled, options.Slot, options.Due = true, q.Slot, q.Due
	}
	if q.Level != "" {
		l, err := snapshot.ParseLevel(q.Level)
		if err != nil {
			return report.Run{}, exit.As(err, exit.ErrUsage)
		}
		options.Level = &l
	}
	return job.Run(ctx, options)
}
