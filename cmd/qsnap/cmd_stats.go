package main

import (
	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

func (p *program) statsCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "stats",
		Usage:     "show how much data the repository or a snapshot holds",
		ArgsUsage: "[SNAPSHOT[:PATH]]",
		Description: "Without SNAPSHOT, shows the totals of the repository. With --growth, prints a line for each\n" +
			"snapshot:\n" +
			"  NEW, CHANGED  files that were new or changed when it was made\n" +
			"  DATA, TREES   bytes that no older snapshot has\n" +
			"  STORED        what these bytes take in the repository\n" +
			"  TOTAL         the sum of STORED so far\n" +
			"  FREED         what forgetting this snapshot alone would free\n" +
			"These compare a snapshot with all others, even those that are not shown.",
		Flags: append(selectFlags(), atFlag(),
			&cli.BoolFlag{Name: "growth", Usage: "show what each snapshot added, and what forgetting it would free"}),
		Action: func(c *cli.Context) error {
			if c.Bool("growth") {
				return p.growth(c)
			}
			if c.NArg() > 1 {
				_, err := oneArgument(c, "SNAPSHOT[:PATH]")
				return err
			}
			if c.NArg() == 1 || c.IsSet("at") {
				return p.snapshotStats(c)
			}
			return p.repoStats(c)
		},
	})
}

func (p *program) repoStats(c *cli.Context) error {
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	s, err := r.Stats(c.Context)
	if err != nil {
		return err
	}
	if p.json {
		return p.emit(report.NewRepositoryStats(s))
	}
	ratio := func(a, b int64) float64 {
		if b == 0 {
			return 0
		}
		return float64(a) / float64(b)
	}
	p.table([][]string{
		{"snapshots", term.Count(s.Snapshots)},
		{"data in all snapshots", term.Size(s.Bytes), term.Plural(s.Files, "file", "files")},
		{"unique chunks", term.Size(s.ChunkBytes), term.Count(s.Chunks)},
		{"unique trees", term.Size(s.TreeBytes), term.Count(s.Trees)},
		{"stored in packs", term.Size(s.PackBytes), term.Count(s.Packs)},
		{"stored in index deltas", term.Size(s.DeltaBytes), term.Count(s.Deltas)},
		{"stored in manifests", term.Size(s.ManifestBytes), term.Count(s.Manifests)},
		{"stored in total", term.Size(s.Stored())},
	})
	if s.Bytes > 0 {
		p.say("deduplicated %.1f times, compressed %.2f times", ratio(s.Bytes, s.ChunkBytes), ratio(s.ChunkBytes+s.TreeBytes, s.PackBytes))
	}
	return nil
}

func (p *program) snapshotStats(c *cli.Context) error {
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	m, at, err := p.snapshotAndPath(c, r, c.Args().First())
	if err != nil {
		return err
	}
	v := r.View(m)
	root, err := v.Entry(c.Context, at)
	if err != nil {
		return err
	}
	var side report.Side
	if root.Type != snapshot.Dir {
		side.Add(root)
	} else {
		err := v.Walk(c.Context, root, func(_ string, e *snapshot.Entry, err error) error {
			if err == nil {
				side.Add(e)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	if p.json {
		return p.emit(report.NewSnapshotStats(side))
	}
	p.say("snapshot %s of %s, %s: %s, %s, %s others, %s", m.ID.Short(), p.ofWhat(m.Source()), term.LocalTime(m.End),
		term.Plural(side.Files, "file", "files"), term.Plural(side.Dirs, "directory", "directories"), term.Count(side.Others), term.Size(side.Bytes))
	return nil
}
