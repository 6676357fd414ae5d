package main

import (
	"context"
	"crypto/rand"
	"os"
	"time"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/internal/history"
	"github.com/qsnap/qsnap/internal/state"
	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

// A restoreRecord is what the history of this host keeps of a restore, so that a report can
// say whether restores succeed and how long they take.
type restoreRecord struct {
	p         *program
	began     time.Time
	firstFile time.Duration
	of        *snapshot.Manifest
	result    repo.RestoreReport
}

// note notes when the first file was there.
func (r *restoreRecord) note(u repo.RestoreProgress) {
	if r.firstFile == 0 && u.Report.Created+u.Report.Replaced+u.Report.Touched+u.Report.BytesWritten > 0 {
		r.firstFile = time.Since(r.began)
	}
}

// restored notes what was restored.
func (r *restoreRecord) restored(m *snapshot.Manifest, result repo.RestoreReport) {
	r.of, r.result = m, result
	if r.firstFile == 0 && result.Files > 0 {
		r.firstFile = time.Since(r.began)
	}
}

// counts reports whether a restore with an exit code is one: it has begun, or it could not
// begin for a reason that lies in the repository. A name with a typing error is no restore.
func (r *restoreRecord) counts(code int) bool {
	return r.of != nil || code == exitUnreachable || code == exitDamage || code == exitNoRepo
}

// keep adds the record to the history, if this host has one: a restore on a bare machine
// leaves nothing behind. What can't be recorded is said, and changes nothing.
func (r *restoreRecord) keep(ctx context.Context, err error) {
	outcome := exit.Of(err, r.p.opened)
	if err != nil && interrupted(ctx) {
		outcome = exit.Of(errInterrupted, true)
	}
	path, none := state.Default(r.p.getenv)
	if _, missing := os.Stat(path); none != nil || missing != nil || !r.counts(outcome.Code) {
		return
	}
	if err := r.add(path, outcome, err); err != nil {
		r.p.warn("the restore is not recorded: %s", term.OneLine(err))
	}
}

func (r *restoreRecord) add(path string, outcome exit.Outcome, err error) error {
	d, failed := state.Open(path, rand.Reader, time.Now)
	if failed != nil {
		return failed
	}
	id, failed := d.NewID()
	if failed != nil {
		return failed
	}
	run := report.Run{
		ID: id, Op: report.ARestore, Host: r.p.thisHost(), Trigger: report.ByHand, Started: r.began, Ended: time.Now(),
		Code: outcome.Code,
	}
	if err != nil {
		run.Kind, run.Message = outcome.Kind, term.OneLine(err)
	}
	if r.p.profile != nil {
		run.Profile = r.p.profile.Name
	}
	if r.of != nil {
		if run.Profile == "" {
			run.Profile = r.of.Job.Profile
		}
		run.Restored = &report.RunRestored{
			Snapshot: r.of.ID, Files: uint64(r.result.Files), Bytes: uint64(r.result.Bytes),
			FirstFile: r.firstFile.Seconds(), Done: run.Ended.Sub(r.began).Seconds(),
		}
	}
	return history.Open(d).Add(run)
}
