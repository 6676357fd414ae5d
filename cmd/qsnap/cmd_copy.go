package main

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
)

func (p *program) copyCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "copy",
		Usage:     "copy snapshots to another repository",
		ArgsUsage: "[SNAPSHOT...]",
		Description: "Copies the snapshots that the other repository lacks: all, those that the flags select,\n" +
			"or those named. A copy may be interrupted and started again.\n\n" +
			"A twin, which --init makes, takes over whole packs, and snapshots keep their ids. Any\n" +
			"other repository packs the data again. Chunks are never cut again: they are shared\n" +
			"with snapshots taken there only if \"qsnap init --chunker-from\" made that repository.\n\n" +
			"If no password and no key is given for the other repository, that of this one is tried.",
		Flags: append(append(selectFlags(), otherFlags("to", "--to")...),
			&cli.StringFlag{Name: "to", Usage: "copy to `REPOSITORY`"},
			&cli.IntFlag{Name: "last", Usage: "copy only the newest `N` snapshots"},
			&cli.BoolFlag{Name: "init", Usage: "make the other repository if there is none, as a twin: with the same id and keys"},
			&cli.StringFlag{Name: "compression", Usage: "compress data that is packed again at `LEVEL`: auto, off, fastest, default, better or max", Value: "auto"}),
		Action: p.copy,
	})
}

func (p *program) copy(c *cli.Context) error {
	name := c.String("to")
	if name == "" {
		return hint{errors.New("no destination given"), "name a repository with --to"}
	}
	o := repo.CopyOptions{}
	var err error
	if o.Compression, err = repo.ParseCompression(c.String("compression")); err != nil {
		return err
	}
	at, err := p.repository(c)
	if err != nil {
		return err
	}
	r, secret, err := p.openKnowing(c, at)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	list, damaged, err := p.picked(c, r, anyKind)
	if err != nil {
		return err
	}
	if c.Bool("init") {
		if err := p.makeTwin(c, r, name); err != nil {
			return err
		}
	}
	to, err := p.openOther(c, name, "to", &secret)
	if errors.Is(err, repo.ErrNoRepository) {
		return hint{fmt.Errorf("%s: %w", name, repo.ErrNoRepository), "--init makes a twin of this repository there, \"qsnap init\" a separate one"}
	}
	if err != nil {
		return err
	}
	defer to.Close()
	v := &copyView{p: p, view: p.newView(), json: time.Now()}
	o.Progress = v.update
	start := time.Now()
	result, err := r.Copy(c.Context, to, list, o)
	v.Clear()
	if err == nil || result.Copied+result.Failed+result.Skipped > 0 {
		err = errors.Join(err, p.copySummary(name, result, time.Since(start)))
	}
	if errors.Is(err, repo.ErrNotCopied) {
		err = hint{fmt.Errorf("%s could not be copied", term.Plural(result.Failed, "snapshot", "snapshots")), "run \"qsnap check\" for details"}
		return judged{err, v.problems}
	}
	if err == nil && damaged != nil {
		return hint{damaged, "run \"qsnap check\" for details"}
	}
	return err
}

// makeTwin makes a twin on a target, or brings the keys of one up to date.
func (p *program) makeTwin(c *cli.Context, r *repo.Repo, name string) error {
	at, err := p.refTo(name)
	if err != nil {
		return err
	}
	t, err := p.openTarget(c, at, true)
	if err != nil {
		return err
	}
	fresh := errors.Is(repo.Probe(c.Context, t), repo.ErrNoRepository)
	err = r.Maintenance().MakeTwin(c.Context, t)
	if errors.Is(err, fs.ErrExist) {
		return hint{fmt.Errorf("%s: %w", name, err), "copy to it without --init, or name another location"}
	}
	if err != nil || !fresh {
		return err
	}
	if p.json {
		return p.emit(report.NewTwin(name, r.ID()))
	}
	p.say("made a twin of repository %s at %s: the same passwords and keys open it", r.ID()[:8], name)
	return nil
}

func (p *program) copySummary(name string, r repo.CopyReport, took time.Duration) error {
	if p.json {
		return p.emit(report.NewCopySummary(r, took))
	}
	p.say("copied %s to %s in %s; %s there already", term.Plural(r.Copied, "snapshot", "snapshots"), name, term.Duration(took), were(r.Skipped))
	if r.PacksMoved > 0 {
		p.say("copied %s unchanged: %s", term.Plural(r.PacksMoved, "pack", "packs"), term.Size(r.BytesMoved))
	}
	if r.Blobs > 0 {
		p.say("packed again: %s, %s, stored in %s", term.Plural(r.Blobs, "chunk or tree", "chunks and trees"), term.Size(r.BlobBytes), term.Size(r.BytesStored-r.BytesMoved))
	}
	return nil
}

func were(n int64) string {
	if n == 1 {
		return "1 was"
	}
	return term.Count(n) + " were"
}

// A copyView shows the progress of a copy.
type copyView struct {
	p *program
	*view
	json     time.Time // of the last status
	problems error
}

func (v *copyView) update(u repo.CopyProgress) {
	r := u.Report
	done := r.Copied + r.Failed
	switch {
	case u.Problem != nil:
		v.Clear()
		v.problems = errors.Join(v.problems, u.Problem)
		if v.p.json {
			_ = v.p.emit(report.NewError(u.Problem, "copy", u.Current.ID.String()))
		} else {
			v.p.warn("%s", term.OneLine(u.Problem))
		}
	case u.Copy != nil:
		v.Clear()
		if v.p.json && !v.p.quiet {
			_ = v.p.emit(report.NewCopied(u.Current.ID, u.Copy.ID))
		} else if u.Copy.ID == u.Current.ID {
			v.p.say("copied snapshot %s of %s, %s", u.Current.ID.Short(), v.p.ofWhat(u.Current.Source()), term.LocalTime(u.Current.End))
		} else {
			v.p.say("copied snapshot %s of %s, %s, as %s", u.Current.ID.Short(), v.p.ofWhat(u.Current.Source()), term.LocalTime(u.Current.End), u.Copy.ID.Short())
		}
	case u.Finished:
	case v.p.json && !v.p.quiet && time.Since(v.json) > jsonInterval:
		v.json = time.Now()
		_ = v.p.emit(report.NewCopyStatus(u))
	case v.Due():
		v.Line(fmt.Sprintf("[%s] snapshot %d of %d, %s read, %s stored", term.Clock(u.Elapsed), min(done+1, u.Total), u.Total, term.Size(r.BytesRead), term.Size(r.BytesStored)), "")
	}
}
