package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/internal/patternfile"
	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

func (p *program) snapshotCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "snapshot",
		Aliases:   []string{"backup"},
		Usage:     "take a snapshot of files and directories",
		ArgsUsage: "PATH...",
		Description: "A single directory becomes the root of the snapshot; several paths keep their full names.\n" +
			"Files that have not changed since the last snapshot of the same paths are not read.\n\n" +
			"Patterns are written as in .gitignore. After a leading slash, a pattern is the whole path\n" +
			"of something in a PATH, or else a path within each PATH; ~/ is your home. Files named\n" +
			".qsnapignore hold patterns for their directory and all below. A pattern leaves out a PATH\n" +
			"itself only if it is its whole path.\n\n" +
			"Every snapshot restores alone; its level says how much of it was proven. An incremental one\n" +
			"reads what has changed since the newest snapshot. A differential one reads what has changed\n" +
			"since the last full one; some call that incremental. A full one reads all files, reads back\n" +
			"the stored data that it reuses, and stores again what is damaged.\n\n" +
			"COMMAND runs in bash -e -o pipefail: it fails if any command in it fails, also before a |.\n" +
			"No snapshot is made then, and none of a stream without a byte.",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "tag", Usage: "add `TAG` to the snapshot; may be repeated"},
			&cli.StringFlag{Name: "host", Usage: "record `HOST` as the host of the snapshot", DefaultText: "$QSNAP_HOST, or this machine's name"},
			&cli.StringSliceFlag{Name: "exclude", Aliases: []string{"e"}, Usage: "leave out what matches `PATTERN`; may be repeated"},
			&cli.StringSliceFlag{Name: "exclude-file", Usage: "leave out what matches a pattern in `FILE`; may be repeated"},
			&cli.StringSliceFlag{Name: "ignore-file", Usage: "read patterns from the files called `NAME` in the tree, such as .gitignore; may be repeated"},
			&cli.BoolFlag{Name: "exclude-caches", Usage: "leave out the contents of directories with a CACHEDIR.TAG"},
			&cli.StringFlag{Name: "exclude-larger-than", Usage: "leave out files larger than `SIZE`"},
			&cli.BoolFlag{Name: "one-file-system", Aliases: []string{"x"}, Usage: "do not enter other file systems"},
			&cli.StringFlag{Name: "level", Usage: "take a `LEVEL` snapshot: incremental, differential or full", Value: "incremental"},
			&cli.StringFlag{Name: "parent", Usage: "compare with `SNAPSHOT`", DefaultText: "the last of the same host and paths"},
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "read all files, even those that seem unchanged; stored data is not verified, as --level full does"},
			&cli.BoolFlag{Name: "ignore-ctime", Usage: "do not compare change times"},
			&cli.BoolFlag{Name: "ignore-inode", Usage: "do not compare inode numbers"},
			&cli.BoolFlag{Name: "stdin", Usage: "take a snapshot of standard input, as one file; --command also notices if the producer fails"},
			&cli.StringFlag{Name: "stdin-filename", Usage: "call that file `NAME`", Value: "stdin"},
			&cli.StringFlag{Name: "command", Usage: "take a snapshot of what `COMMAND` prints, as one file; make none if any part of it fails"},
			&cli.BoolFlag{Name: "allow-empty-source", Usage: "take a snapshot even if a source is empty: a stream without a byte, a directory that had files, a mount point with nothing mounted"},
			&cli.StringFlag{Name: "compression", Usage: "compress at `LEVEL`: auto, off, fastest, default, better or max", Value: "auto"},
			&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "print the patterns that matched nothing"},
			&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "store nothing: read and compress the data, and print what storing it would cost"},
		},
		Action: p.snapshot,
	})
}

func (p *program) snapshot(c *cli.Context) error {
	o, err := p.snapshotOptions(c)
	if err != nil {
		return err
	}
	src, wait, err := p.source(c)
	if err != nil {
		return err
	}
	open := p.openOrCreate
	if c.Bool("dry-run") {
		open = p.open
	}
	r, err := open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	if at, err := p.repository(c); err == nil && at.location.Directory() != "" {
		o.Avoid = append(o.Avoid, at.location.Directory())
	}
	if p.takesProfile(c) {
		o.Job, o.MayBeEmpty, o.AcceptUnread = p.jobOf(c), p.profile.MayBeEmpty(), p.profile.AcceptUnread
	}
	if word := c.String("parent"); word != "" {
		if o.Parent, err = p.find(c, r, word, repo.Filter{}); err != nil {
			return err
		}
	}
	view := p.snapshotView(c, r, p.pathsToTake(c))
	o.Progress = view.update
	var cost repo.Cost
	if c.Bool("dry-run") {
		o.DryRun = &cost
	}
	m, err := r.Snapshot(c.Context, src, o)
	view.end()
	err, end := exit.OfSnapshot(m, err)
	if err = errors.Join(err, wait()); err != nil {
		return explainEmpty(len(p.pathsToTake(c)) > 0, c.String("command"), err)
	}
	if !c.Bool("verbose") && !p.json {
		view.unmatched = nil
	}
	if err := p.snapshotSummary(m, cost, view.unmatched, c.Bool("dry-run")); err != nil {
		return err
	}
	return errors.Join(p.finish(c, r, end), view.damage)
}

func (p *program) snapshotOptions(c *cli.Context) (o repo.SnapshotOptions, err error) {
	o = repo.SnapshotOptions{
		Hostname: c.String("host"), Tags: c.StringSlice("tag"),
		ReadAll: c.Bool("force"), IgnoreCTime: c.Bool("ignore-ctime"), IgnoreInode: c.Bool("ignore-inode"),
		Exclude: c.StringSlice("exclude"), IgnoreFiles: c.StringSlice("ignore-file"),
		AllowEmptySource: c.Bool("allow-empty-source"), OneFileSystem: c.Bool("one-file-system"), SkipCaches: c.Bool("exclude-caches"),
	}
	if o.Level, err = snapshot.ParseLevel(c.String("level")); err != nil {
		return o, fmt.Errorf("--level: %w", err)
	}
	switch {
	case o.Level != snapshot.LevelIncremental && c.String("parent") != "":
		return o, fmt.Errorf("--level %v and --parent exclude each other", o.Level)
	case o.Level == snapshot.LevelDifferential && o.ReadAll:
		return o, errors.New("--level differential and --force exclude each other: --level full reads all files")
	}
	if limit, err := sizeFlag(c, "exclude-larger-than"); err != nil {
		return o, err
	} else if limit > 0 {
		o.MaxFileSize = &limit
	}
	if o.Compression, err = repo.ParseCompression(c.String("compression")); err != nil {
		return o, err
	}
	for _, name := range c.StringSlice("exclude-file") {
		rules, err := patternfile.Read(c.Context, name)
		if _, named := errors.AsType[*repo.PatternError](err); err != nil && !named {
			err = fmt.Errorf("--exclude-file: %w", err)
		}
		if err != nil {
			return o, err
		}
		o.ExcludeRules = append(o.ExcludeRules, rules...)
	}
	for _, name := range o.IgnoreFiles {
		if name != filepath.Base(name) {
			return o, fmt.Errorf("--ignore-file %q: want a name of files in the tree, not a path: for a single file use --exclude-file", name)
		}
	}
	return o, nil
}

// source returns the source of the snapshot, and a function to call when it has been read.
func (p *program) source(c *cli.Context) (src repo.Source, wait func() error, err error) {
	nothing := func() error { return nil }
	command, stdin, paths := c.String("command"), c.Bool("stdin"), p.pathsToTake(c)
	name := c.String("stdin-filename")
	switch {
	case (command != "" || stdin) && (name == "." || name == ".." || strings.Contains(name, "/")):
		return src, nil, fmt.Errorf("--stdin-filename %q: want the name of a file, without slashes", name)
	case command != "" && stdin, (command != "" || stdin) && len(paths) > 0:
		return src, nil, errors.New("--stdin, --command and paths exclude each other")
	case stdin:
		return repo.Stream(name, p.stdin), nothing, nil
	case command != "":
		from, err := p.producer(c.Context, command)
		if err != nil {
			return src, nil, err
		}
		return repo.Stream(name, from), from.stop, nil
	case len(paths) == 0:
		return src, nil, hint{errors.New("no path given"), "name a directory, as in \"qsnap snapshot .\""}
	}
	if err := noneThere(paths); err != nil {
		return src, nil, judged{err, errFailed}
	}
	return repo.Paths(paths...), nothing, nil
}

// noneThere returns an error if none of the paths exists or can be examined.
func noneThere(paths []string) error {
	var first error
	for _, path := range paths {
		_, err := os.Lstat(path)
		if err == nil {
			return nil
		}
		first = cmp.Or(first, err)
	}
	return first
}

// snapshotSummary prints what was stored, or would be.
func (p *program) snapshotSummary(m *snapshot.Manifest, cost repo.Cost, unmatched []string, dryRun bool) error {
	s := m.Stats
	took := m.End.Sub(m.Start)
	if p.json {
		return p.emit(report.NewSnapshotSummary(m, cost, unmatched, dryRun))
	}
	if dryRun {
		p.say("would save a snapshot: %s, %s (read in %s)", term.Plural(s.Files, "file", "files"), term.Size(s.Bytes), term.Duration(took))
		p.say("  it would cost %s", costLine(cost))
	} else {
		p.say("snapshot %s saved: %s, %s in %s", m.ID.Short(), term.Plural(s.Files, "file", "files"), term.Size(s.Bytes), term.Duration(took))
	}
	p.say("  of %s, %s", p.ofWhat(m.Source()), term.LocalTime(m.End))
	if m.Level != snapshot.LevelIncremental {
		p.say("  level: %v", m.Level)
	}
	p.say("  files: %s new, %s changed, %s unchanged; directories: %s new, %s changed, %s unchanged",
		term.Count(s.NewFiles), term.Count(s.ChangedFiles), term.Count(s.SameFiles), term.Count(s.NewDirs), term.Count(s.ChangedDirs), term.Count(s.SameDirs))
	stored := "stored in"
	if dryRun {
		stored = "to be stored in"
	}
	p.say("  read %s; new %s, %s %s", term.Size(s.BytesRead), term.Size(s.DataAdded+s.TreeAdded), stored, term.Size(s.DataStored+s.TreeStored+s.IndexStored))
	if m.Level == snapshot.LevelFull {
		p.say("  verified %s of stored data; healed %s", term.Size(s.Verified), term.Size(s.Healed))
	}
	if m.Skipped.Total > 0 && dryRun {
		p.say("  would be left out by rules: %s", term.Plural(m.Skipped.Total, "path", "paths"))
	} else if m.Skipped.Total > 0 {
		p.say("  left out by rules: %s (\"qsnap snapshots --skipped %s\" lists them)", term.Plural(m.Skipped.Total, "path", "paths"), m.ID.Short())
	}
	for _, missing := range m.Missing {
		p.warn("%s is not in the snapshot: %s", term.Printable(missing.Path), term.Printable(missing.Text))
	}
	for _, pattern := range unmatched {
		p.say("  %s matched nothing", pattern)
	}
	if m.Problems.Total > 0 {
		p.warn("%s could not be read correctly: the snapshot is %s", term.Plural(m.Problems.Total, "path", "paths"), cmp.Or(stateOf(m), "good"))
	}
	return nil
}
