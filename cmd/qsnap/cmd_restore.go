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
	"github.com/qsnap/qsnap/snapshot"
)

func (p *program) restoreCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "restore",
		Usage:     "restore a snapshot, or a path in it",
		ArgsUsage: "SNAPSHOT[:PATH]",
		Description: "Writes what PATH holds to the target directory. Of files that exist there, only what\n" +
			"differs is written. Without SNAPSHOT, --at selects the newest snapshot of that time.",
		Flags: append(selectFlags(), atFlag(),
			&cli.StringFlag{Name: "target", Aliases: []string{"t"}, Usage: "write to `DIR`, which keeps its mode and owner if it exists"},
			&cli.BoolFlag{Name: "in-place", Usage: "put each path back where it was, instead of below --target"},
			&cli.StringSliceFlag{Name: "include", Aliases: []string{"i"}, Usage: "restore only what matches `PATTERN`; may be repeated"},
			&cli.StringSliceFlag{Name: "exclude", Aliases: []string{"e"}, Usage: "leave out what matches `PATTERN`; may be repeated"},
			&cli.StringFlag{Name: "overwrite", Usage: "overwrite existing files `WHEN`: always (what differs), if-changed (in size or time), if-newer (in the snapshot) or never", Value: "always"},
			&cli.BoolFlag{Name: "delete", Usage: "delete what the snapshot does not have, except what it never covered: paths that its rules leave out, other file systems, neighbours of its paths"},
			&cli.BoolFlag{Name: "delete-first", Usage: "delete before writing, for a disk that cannot hold both: begin once all needed packs are known to exist; if the restore then fails, the deleted files are gone (needs --delete)"},
			&cli.BoolFlag{Name: "follow-links", Usage: "follow links to directories where the snapshot has directories, and write through them"},
			yesFlag(),
			&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "print what would be done, but do nothing"},
			&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "print every action"},
			&cli.BoolFlag{Name: "verify", Usage: "read back what was restored, and exit with 7 if it differs"},
			&cli.BoolFlag{Name: "no-owner", Usage: "do not restore users and groups"},
			&cli.BoolFlag{Name: "no-room-check", Usage: "restore even if the disk seems to have too little room, such as where the file system compresses"},
			&cli.BoolFlag{Name: "no-sync", Usage: "do not wait until everything is on the disk"}),
		Action: p.restore,
	})
}

var overwrites = map[string]repo.Overwrite{
	"always": repo.OverwriteAlways, "if-changed": repo.OverwriteIfChanged,
	"if-newer": repo.OverwriteIfNewer, "never": repo.OverwriteNever,
}

func (p *program) restore(c *cli.Context) error {
	record := restoreRecord{p: p, began: time.Now()}
	err := p.restoreFiles(c, &record)
	if !c.Bool("dry-run") {
		record.keep(c.Context, err)
	}
	return err
}

func (p *program) restoreFiles(c *cli.Context, record *restoreRecord) error {
	overwrite, ok := overwrites[c.String("overwrite")]
	switch {
	case !ok:
		return fmt.Errorf("--overwrite %q: want always, if-changed, if-newer or never", c.String("overwrite"))
	case c.NArg() > 1:
		_, err := oneArgument(c, "SNAPSHOT[:PATH]")
		return err
	case c.NArg() == 0 && c.String("at") == "":
		return hint{errors.New("no snapshot given"), "name a snapshot, such as latest, or a time with --at"}
	case c.String("target") == "" && !c.Bool("in-place"):
		return hint{errors.New("no destination given"), "name a directory with --target, or put everything back with --in-place"}
	case c.String("target") != "" && c.Bool("in-place"):
		return errors.New("--in-place and --target exclude each other")
	case c.Bool("delete-first") && !c.Bool("delete"):
		return errors.New("--delete-first needs --delete: it says only when to delete")
	}
	o := repo.RestoreOptions{
		To: c.String("target"), Include: c.StringSlice("include"), Exclude: c.StringSlice("exclude"),
		Overwrite: overwrite, Delete: c.Bool("delete"), DryRun: c.Bool("dry-run"), Verify: c.Bool("verify"),
		NoOwner: c.Bool("no-owner"), NoSync: c.Bool("no-sync"), FollowLinks: c.Bool("follow-links"), IgnoreRoom: c.Bool("no-room-check"), DeleteFirst: c.Bool("delete-first"),
	}
	o.Actions = (o.DryRun || c.Bool("verbose")) && !p.quiet
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	if (o.Delete || c.Bool("in-place")) && byTime(c.Args().First()) {
		s, err := p.selection(c, r)
		if err == nil {
			err = p.oneSource(c, r, s)
		}
		if err != nil {
			return err
		}
	}
	m, at, err := p.snapshotAndPath(c, r, c.Args().First())
	if err != nil {
		return err
	}
	if _, err := r.View(m).Entry(c.Context, at); errors.Is(err, fs.ErrNotExist) {
		return judged{hint{err, fmt.Sprintf("\"qsnap ls %s\" lists its contents", m.ID.Short())}, errPartial}
	}
	o.Path = at
	o.Protect = p.ownFiles(c)
	if err := p.restorePlace(c, r, m, &o); err != nil {
		return err
	}
	v := &restoreView{p: p, verbose: c.Bool("verbose"), view: p.newView(), json: time.Now()}
	o.Progress = func(u repo.RestoreProgress) {
		record.note(u)
		v.update(u)
	}
	start := time.Now()
	result, err := r.Restore(c.Context, m, o)
	v.Clear()
	record.restored(m, result)
	v.sayWithheld(result.Withheld)
	if err != nil && !errors.Is(err, repo.ErrIncomplete) {
		if o.DeleteFirst && !o.DryRun && result.Deleted > 0 && !p.json {
			p.warn("%s deleted before the restore failed", term.Plural(result.Deleted, "entry was", "entries were"))
		}
		return p.noRoom(err, o)
	}
	if err := p.restoreSummary(m, o, result, time.Since(start)); err != nil {
		return err
	}
	v.sparedSummary(m, o, result)
	if c.Bool("verbose") || result.Problems > 0 {
		for _, pattern := range result.Unmatched {
			p.say("  %s matched nothing in the snapshot", pattern)
		}
	}
	if err != nil && result.Problems == 0 {
		return judged{hint{errors.New(err.Error()), fmt.Sprintf("\"qsnap ls %s\" lists the contents of the snapshot", m.ID.Short())}, err}
	}
	if err != nil {
		next := "each is named above, with the reason"
		switch {
		case errors.Is(err, repo.ErrDamaged):
			next = "the repository is damaged: run \"qsnap check --read-data\" for details"
		case errors.Is(err, repo.ErrVerification):
			next = "verification failed: run the same restore again, and check this machine's disk and memory if that fails too"
		}
		return judged{hint{fmt.Errorf("%s could not be restored correctly", term.Plural(result.Problems, "path", "paths")), next}, err}
	}
	return nil
}

// restoreSummary prints what was restored, or would be.
func (p *program) restoreSummary(m *snapshot.Manifest, o repo.RestoreOptions, r repo.RestoreReport, took time.Duration) error {
	if p.json {
		return p.emit(report.NewRestoreSummary(m, r, took, o.DryRun))
	}
	if o.DryRun {
		p.say("would restore snapshot %s of %s, %s, to %s: %s, %s", m.ID.Short(), p.ofWhat(m.Source()), term.LocalTime(m.End), p.path(o.To), term.Plural(r.Files, "file", "files"), term.Size(r.Bytes))
	} else {
		p.say("restored snapshot %s of %s, %s, to %s: %s, %s in %s", m.ID.Short(), p.ofWhat(m.Source()), term.LocalTime(m.End), p.path(o.To), term.Plural(r.Files, "file", "files"), term.Size(r.Bytes), term.Duration(took))
	}
	p.say("  %s created, %s replaced, %s changed only in attributes, %s deleted", term.Count(r.Created), term.Count(r.Replaced), term.Count(r.Touched), term.Count(r.Deleted))
	if o.DryRun {
		p.say("  would read %s from %s, in about %s", term.Size(r.PackBytes), term.Plural(r.Packs, "pack", "packs"), term.Plural(r.Requests, "request", "requests"))
	} else {
		p.say("  read %s from %s; wrote %s", term.Size(r.PackBytes), term.Plural(r.Packs, "pack", "packs"), term.Size(r.BytesWritten))
	}
	return nil
}
