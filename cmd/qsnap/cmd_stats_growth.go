package main

import (
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/report"
)

// growth shows what each snapshot added, and what forgetting it would free.
func (p *program) growth(c *cli.Context) error {
	if c.NArg() > 0 {
		return hint{errors.New("--growth takes no snapshots by name"), "select some with --host, --path, --tag or --at"}
	}
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer r.Close()
	s, err := p.selection(c, r)
	if err != nil {
		return err
	}
	list, err := r.Catalog().Growth(c.Context, s)
	if err != nil {
		return hint{err, "run \"qsnap check\" for details"}
	}
	if p.json {
		out := []report.Growth{}
		for _, g := range list {
			out = append(out, report.NewGrowth(g))
		}
		return p.emit(out)
	}
	if len(list) == 0 {
		p.say("there are no snapshots%s", map[bool]string{true: " that these flags select"}[c.NumFlags() > 1])
		return nil
	}
	rows := [][]string{{"ID", "TIME", "HOST", "NEW", "CHANGED", "DATA", "TREES", "STORED", "TOTAL", "FREED"}}
	for _, g := range list {
		m := g.Snapshot
		rows = append(rows, []string{
			m.ID.Short(), term.LocalTime(m.End), m.Hostname, term.Count(m.Stats.NewFiles), term.Count(m.Stats.ChangedFiles),
			term.Size(g.New.ChunkBytes), term.Size(g.New.TreeBytes), term.Size(g.New.Stored), term.Size(g.Total.Stored), term.Size(g.Only.Stored),
		})
	}
	p.table(rows)
	return nil
}
