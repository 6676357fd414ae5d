package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

func (p *program) diffCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "diff",
		Usage:     "show the differences between two snapshots",
		ArgsUsage: "SNAPSHOT[:PATH] SNAPSHOT[:PATH]",
		Description: "+ added, - removed, M content changed, T type changed, U attributes changed\n" +
			"(mode, owner, time or extended attributes).\n\n" +
			"--stat counts content only. The bytes added or removed are those of chunks that the\n" +
			"other version of the file lacks: about what the change costs to store, before\n" +
			"compression.",
		Flags: append(selectFlags(),
			&cli.BoolFlag{Name: "content", Usage: "ignore changes of attributes"},
			&cli.BoolFlag{Name: "stat", Usage: "show how many bytes differ, by file and by top-level directory"}),
		Action: p.diff,
	})
}

func (p *program) diff(c *cli.Context) error {
	if c.NArg() != 2 {
		return hint{errors.New("diff takes two snapshots"), "as in \"qsnap diff 3fa2c1 latest\""}
	}
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	var after *repo.View
	var sides [2]*snapshot.Entry
	var ids [2]snapshot.ID
	for i, word := range c.Args().Slice() {
		m, at, err := p.snapshotAndPath(c, r, word)
		if err != nil {
			return err
		}
		after = r.View(m)
		if sides[i], err = p.directory(c, after, at); err != nil {
			return err
		}
		ids[i] = m.ID
	}
	counts := report.NewDiffStatistics(ids[0], ids[1])
	var stat *diffStat
	if c.Bool("stat") {
		stat = &diffStat{p: p, view: after}
		counts.ContentBytes = &stat.all
	}
	for change, err := range r.Diff(c.Context, sides[0], sides[1]) {
		if err != nil {
			return err
		}
		if err := p.showChange(c, &counts, stat, change); err != nil {
			return err
		}
	}
	if stat != nil {
		if err := stat.showDirs(); err != nil {
			return err
		}
	}
	if p.json {
		return p.emit(counts)
	}
	p.say("added %s and %s, %s; removed %s and %s, %s; changed %s, attributes of %s",
		term.Plural(counts.Added.Files, "file", "files"), term.Plural(counts.Added.Dirs, "directory", "directories"), term.Size(counts.Added.Bytes),
		term.Plural(counts.Removed.Files, "file", "files"), term.Plural(counts.Removed.Dirs, "directory", "directories"), term.Size(counts.Removed.Bytes),
		term.Plural(counts.ChangedFiles, "file", "files"), term.Plural(counts.Attributes, "path", "paths"))
	if stat != nil {
		p.say("in content: %s added, %s removed", term.Size(stat.all.Added), term.Size(stat.all.Removed))
	}
	return nil
}

// directory returns the entry of a path in a snapshot, which must be a directory.
func (p *program) directory(c *cli.Context, v *repo.View, at string) (*snapshot.Entry, error) {
	e, err := v.Entry(c.Context, at)
	if err == nil && e.Type != snapshot.Dir {
		err = fmt.Errorf("%s: is a %v, not a directory", at, e.Type)
	}
	return e, err
}

// countChange counts a change and returns its letter.
func countChange(counts *report.DiffStatistics, change snapshot.Change) (modifier string) {
	switch {
	case change.Before == nil:
		counts.Added.Add(change.After)
		return "+"
	case change.After == nil:
		counts.Removed.Add(change.Before)
		return "-"
	case change.Before.Type != change.After.Type:
		counts.Removed.Add(change.Before)
		counts.Added.Add(change.After)
		return "T"
	case change.Content:
		counts.ChangedFiles++
		return "M"
	}
	counts.Attributes++
	return "U"
}

func (p *program) showChange(c *cli.Context, counts *report.DiffStatistics, stat *diffStat, change snapshot.Change) error {
	modifier := countChange(counts, change)
	if modifier == "U" && c.Bool("content") {
		return nil
	}
	line := report.NewChange(change, modifier)
	if stat != nil && modifier != "U" {
		if err := stat.add(c.Context, modifier, change, &line); err != nil {
			return err
		}
	}
	if p.json {
		return p.emit(line)
	}
	if stat != nil {
		return nil
	}
	_, err := fmt.Fprintf(p.stdout, "%s    %s\n", modifier, p.path(strings.TrimPrefix(line.Path, "/")))
	return err
}
