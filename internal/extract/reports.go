package extract

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// planned reports a change in a dry run and returns false. Otherwise it returns true, and
// the change is reported when it is done.
func (x *extraction) planned(a Action, path func() string, e *snapshot.Entry) bool {
	if x.DryRun {
		x.done(a, path, e)
	}
	return !x.DryRun
}

// done reports a change that was made, or would be made.
func (x *extraction) done(a Action, path func() string, e *snapshot.Entry) {
	p := x.Progress
	[...]*atomic.Uint64{Create: &p.Created, Replace: &p.Replaced, Touch: &p.Touched, Delete: &p.Deleted}[a].Add(1)
	if x.Action != nil {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.Action(a, path(), e)
	}
}

// spared reports what deletion leaves alone.
func (x *extraction) spared(s Spared) {
	x.Progress.Spared.Add(1)
	if x.Spared != nil {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.Spared(s)
	}
}

// problem reports what could not be restored, and ends the extraction if everything
// further would fail, too.
func (x *extraction) problem(path string, err error) {
	if x.Verify {
		x.note(path, true)
	}
	x.report(path, err)
}

// note records that something is not restored: all of a path, or its attributes.
func (x *extraction) note(path string, all bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.unrestored[path] = x.unrestored[path] || all
}

// report is like problem, but records nothing.
func (x *extraction) report(path string, err error) {
	if _, ok := errors.AsType[*disk.Withheld](err); ok {
		x.Progress.Withheld.Add(1)
		x.notice(path, err)
		return
	}
	x.Progress.Problems.Add(1)
	x.mu.Lock()
	defer x.mu.Unlock()
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		x.fatal = fmt.Errorf("%w: %w", errFull, err)
	}
	if x.Problem != nil {
		x.Problem(path, err)
	}
}

func (x *extraction) notice(path string, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.Notice != nil {
		x.Notice(path, err)
	}
}

// failed returns the reason why the extraction must end. Otherwise it returns when the next
// part of the extraction may begin.
func (x *extraction) failed(ctx context.Context) error {
	x.mu.Lock()
	fatal := x.fatal
	x.mu.Unlock()
	if fatal != nil {
		return fatal
	}
	return x.Pace.Pace(ctx)
}
