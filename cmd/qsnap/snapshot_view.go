package main

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
)

// A snapshotView shows the progress of a snapshot.
type snapshotView struct {
	p *program
	*view
	total  atomic.Uint64 // bytes, as far as they have been counted
	files  atomic.Uint64
	known  atomic.Bool // all have been counted
	cancel context.CancelFunc
	json   time.Time // of the last status

	unmatched []string // patterns that matched nothing, known at the end
	damage    error    // of other snapshots, which a full one has found and could not heal
}

// snapshotView returns the view of a snapshot. On a terminal it counts the files in the
// background, until a parent gives the totals. It counts nothing if rules may leave something
// out: what is left out must not be examined, as it may be a file system that no longer
// answers.
func (p *program) snapshotView(c *cli.Context, r *repo.Repo, paths []string) *snapshotView {
	ctx, cancel := context.WithCancel(c.Context)
	v := &snapshotView{p: p, view: p.newView(), cancel: cancel, json: time.Now()}
	leavesOut := slices.ContainsFunc([]string{"exclude", "exclude-file", "ignore-file", "exclude-caches", "one-file-system"}, c.IsSet)
	if v.Watched() && len(paths) > 0 && !leavesOut {
		go v.countFiles(ctx, r, paths)
	}
	return v
}

func (v *snapshotView) countFiles(ctx context.Context, r *repo.Repo, paths []string) {
	for _, path := range paths {
		err := filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil || !d.Type().IsRegular() {
				return nil
			}
			if info, err := d.Info(); err == nil {
				v.total.Add(uint64(info.Size()))
				v.files.Add(1)
			}
			return nil
		})
		if err != nil {
			return
		}
	}
	v.known.Store(true)
}

func (v *snapshotView) update(u repo.SnapshotProgress) {
	if u.Problem != nil {
		v.problem(u)
		return
	}
	if u.Notice != nil {
		if errors.Is(u.Notice, repo.ErrDamaged) {
			v.damage = judged{hint{errors.New("other snapshots are damaged, as listed above"), "\"qsnap check --read-data\" names the affected files"}, errDamage}
		}
		v.notice(u)
		return
	}
	if u.Finished {
		v.unmatched = u.Unmatched
	}
	var total, files uint64
	switch {
	case u.Parent != nil:
		v.cancel()
		total, files = u.Parent.Stats.Bytes, u.Parent.Stats.Files
	case v.known.Load():
		total, files = v.total.Load(), v.files.Load()
	}
	if v.p.json && !v.p.quiet && !u.Finished && time.Since(v.json) > jsonInterval {
		v.json = time.Now()
		_ = v.p.emit(report.NewSnapshotStatus(u, files, total))
	}
	if !u.Finished && v.Due() {
		what := term.Plural(u.Stats.Files, "file", "files") + ", " + term.Size(u.Stats.Bytes)
		if total > 0 {
			what += " of " + term.Size(total)
		}
		v.Show(int64(u.Stats.Bytes), int64(total), u.Elapsed, what, u.Current)
	}
}

func (v *snapshotView) problem(u repo.SnapshotProgress) {
	v.Clear()
	if v.p.json {
		_ = v.p.emit(report.NewError(u.Problem, "archival", u.Path))
		return
	}
	v.p.warn("%s", term.OneLine(u.Problem))
}

func (v *snapshotView) notice(u repo.SnapshotProgress) {
	v.Clear()
	if v.p.json {
		_ = v.p.emit(report.NewNotice(u.Notice, "archival", u.Path))
		return
	}
	v.p.warn("%s", term.OneLine(u.Notice))
}

// end removes the line.
func (v *snapshotView) end() {
	v.cancel()
	v.Clear()
}
