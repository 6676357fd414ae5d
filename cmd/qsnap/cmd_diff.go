package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

func (p *program) diffCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "diff",
		Usage:     "show what differs between two snapshots",
		ArgsUsage: "SNAPSHOT[:PATH] SNAPSHOT[:PATH]",
		Description: "+ added, - removed, M content changed, T type changed, U attributes changed\n" +
			"(mode, owner, time or extended attributes).\n\n" +
			"With --stat only content counts. Bytes added or removed are those of chunks that\n" +
			"the other snapshot's version of the file hasn't: about what the change costs to\n" +
			"store, before compression.",
		Flags: append(selectFlags(),
			&cli.BoolFlag{Name: "content", Usage: "not what differs in attributes only"},
			&cli.BoolFlag{Name: "stat", Usage: "how many bytes differ, by file and by directory on top"}),
		Action: p.diff,
	})
}

// diffCounts count changes.
type diffCounts struct {
	*diffBytes
	ChangedFiles int      `json:"changed_files"`
	Added        diffSide `json:"added"`
	Removed      diffSide `json:"removed"`
	Attributes   int      `json:"changed_attributes"`
	MessageType  string   `json:"message_type"`
	Source       string   `json:"source_snapshot"`
	Target       string   `json:"target_snapshot"`
}

type diffSide struct {
	Files  int    `json:"files"`
	Dirs   int    `json:"dirs"`
	Others int    `json:"others"`
	Bytes  uint64 `json:"bytes"`
}

func (s *diffSide) add(e *snapshot.Entry) {
	switch e.Type {
	case snapshot.File:
		s.Files++
		s.Bytes += uint64(e.Size)
	case snapshot.Dir:
		s.Dirs++
	default:
		s.Others++
	}
}

func (p *program) diff(c *cli.Context) error {
	if c.NArg() != 2 {
		return hint{fmt.Errorf("diff takes two snapshots"), "as in \"qsnap diff 3fa2c1 latest\""}
	}
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	var sides [2]*snapshot.Entry
	var ids [2]string
	for i, word := range c.Args().Slice() {
		m, at, err := p.snapshotAndPath(c, r, word)
		if err != nil {
			return err
		}
		if sides[i], err = p.directory(c, r, m, at); err != nil {
			return err
		}
		ids[i] = m.ID.String()
	}
	counts := diffCounts{MessageType: "statistics", Source: ids[0], Target: ids[1]}
	var stat *diffStat
	if c.Bool("stat") {
		stat = &diffStat{p: p, repo: r}
		counts.diffBytes = &stat.all
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
		plural(counts.Added.Files, "file", "files"), plural(counts.Added.Dirs, "directory", "directories"), size(counts.Added.Bytes),
		plural(counts.Removed.Files, "file", "files"), plural(counts.Removed.Dirs, "directory", "directories"), size(counts.Removed.Bytes),
		plural(counts.ChangedFiles, "file", "files"), plural(counts.Attributes, "path", "paths"))
	if stat != nil {
		p.say("in content: %s added, %s removed", size(stat.all.Added), size(stat.all.Removed))
	}
	return nil
}

// directory returns the directory of a path in a snapshot.
func (p *program) directory(c *cli.Context, r *repo.Repo, m *snapshot.Manifest, at string) (*snapshot.Entry, error) {
	e, err := r.Entry(c.Context, m, at)
	if err == nil && e.Type != snapshot.Dir {
		err = fmt.Errorf("%s: it is a %v, not a directory", at, e.Type)
	}
	return e, err
}

// count counts a change and returns its letter.
func (counts *diffCounts) count(change snapshot.Change) (modifier string) {
	switch {
	case change.Before == nil:
		counts.Added.add(change.After)
		return "+"
	case change.After == nil:
		counts.Removed.add(change.Before)
		return "-"
	case change.Before.Type != change.After.Type:
		counts.Removed.add(change.Before)
		counts.Added.add(change.After)
		return "T"
	case change.Content:
		counts.ChangedFiles++
		return "M"
	}
	counts.Attributes++
	return "U"
}

func (p *program) showChange(c *cli.Context, counts *diffCounts, stat *diffStat, change snapshot.Change) error {
	modifier := counts.count(change)
	if modifier == "U" && c.Bool("content") {
		return nil
	}
	some := change.After
	if some == nil {
		some = change.Before
	}
	slash := ""
	if some.Type == snapshot.Dir {
		slash = "/"
	}
	line := map[string]any{"message_type": "change", "path": "/" + change.Path + slash, "modifier": modifier}
	if raw := rawBytes(change.Path); raw != "" {
		line["path_base64"] = raw
	}
	if stat != nil && modifier != "U" {
		if err := stat.add(c.Context, modifier, change, line); err != nil {
			return err
		}
	}
	if p.json {
		return p.emit(line)
	}
	if stat != nil {
		return nil
	}
	_, err := fmt.Fprintf(p.stdout, "%s    %s%s\n", modifier, p.path(change.Path), slash)
	return err
}
