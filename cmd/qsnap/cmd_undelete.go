package main

import (
	"errors"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

func (p *program) undeleteCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "undelete",
		Usage:     "bring back forgotten snapshots, or list them",
		ArgsUsage: "[SNAPSHOT...]",
		Action:    p.undelete,
	})
}

func (p *program) undelete(c *cli.Context) error {
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	all, damaged := r.Catalog().Forgotten(c.Context)
	if c.NArg() == 0 {
		if len(all) == 0 && damaged == nil {
			p.say("there are no forgotten snapshots to bring back")
			if !p.json {
				return nil
			}
		}
		return errors.Join(p.showSnapshots(c, all, nil), damaged)
	}
	for _, word := range c.Args().Slice() {
		var found []*snapshot.Manifest
		for _, m := range all {
			if strings.HasPrefix(m.ID.String(), word) {
				found = append(found, m)
			}
		}
		if len(found) != 1 {
			return hint{errors.New(term.Plural(len(found), "forgotten snapshot has", "forgotten snapshots have") + " an id that begins with " + word), "\"qsnap undelete\" lists them"}
		}
		m, err := r.Catalog().Undelete(c.Context, found[0].ID)
		if err != nil {
			return err
		}
		if p.json {
			if err := p.emit(report.NewUndeleted(m.ID, found[0].ID)); err != nil {
				return err
			}
		}
		p.say("brought back snapshot %s of %s, %s, as %s", found[0].ID.Short(), p.ofWhat(m.Source()), term.LocalTime(m.End), m.ID.Short())
	}
	return nil
}
