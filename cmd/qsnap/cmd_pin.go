package main

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

func (p *program) pinCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "pin",
		Usage:     "keep snapshots from being forgotten",
		ArgsUsage: "SNAPSHOT...",
		Flags: append(selectFlags(),
			&cli.StringFlag{Name: "until", Usage: "keep the snapshots until `TIME`, such as 2027-01-01"},
			&cli.BoolFlag{Name: "remove", Usage: "unpin the snapshots"}),
		Action: p.pin,
	})
}

func (p *program) pin(c *cli.Context) error {
	var until time.Time
	if s := c.String("until"); s != "" {
		var err error
		if until, err = term.ParseTime(s, time.Now()); err != nil {
			return err
		}
		if until.Before(time.Now()) {
			return fmt.Errorf("--until %q: the time is in the past", c.String("until"))
		}
	}
	return p.eachNamed(c, func(r *repo.Repo, m *snapshot.Manifest) error {
		if c.Bool("remove") {
			p.say("unpinned snapshot %s", m.ID.Short())
			return r.Catalog().Unpin(c.Context, m.ID)
		}
		if err := r.Catalog().Pin(c.Context, m.ID, until); err != nil {
			return err
		}
		if until.IsZero() {
			p.say("pinned snapshot %s", m.ID.Short())
		} else {
			p.say("pinned snapshot %s until %s", m.ID.Short(), term.LocalTime(until))
		}
		return nil
	})
}
