package main

import (
	"errors"
	"fmt"
	"slices"
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
		Flags:     []cli.Flag{&cli.StringFlag{Name: "host", Usage: "select snapshots of `HOST`"}},
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
	if host := c.String("host"); host != "" {
		all = slices.DeleteFunc(all, func(m *snapshot.Manifest) bool { return m.Hostname != host })
	}
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
		if err := p.mayBringBack(c, found[0]); err != nil {
			return err
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

// mayBringBack refuses a snapshot of another host, if a profile is used and --host does not
// name that host.
func (p *program) mayBringBack(c *cli.Context, m *snapshot.Manifest) error {
	if p.profile == nil || c.String("host") != "" || m.Hostname == p.thisHost() {
		return nil
	}
	return usage(hint{fmt.Errorf("snapshot %s is of host %s, not of this one, %s", m.ID.Short(), p.path(m.Hostname), p.path(p.thisHost())), "select the host with --host"})
}
