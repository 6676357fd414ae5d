package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/job"
	"github.com/qsnap/qsnap/repo/report"
)

func (p *program) profileAdoptCommand() *cli.Command {
	return p.command(&cli.Command{
		Name: "adopt", Usage: "take over the profile's snapshots of another host", ArgsUsage: "NAME",
		Description: "Gives the snapshots that another host has made for the profile to this one: of a machine\n" +
			"that was replaced or renamed, or of containers that had other names. From then on they are\n" +
			"listed, kept and forgotten with those of this host, by one count of slots. With this\n" +
			"host's own name, it takes over from other installations: of a machine that was restored,\n" +
			"or whose state directory was lost.\n\n" +
			"Each snapshot is stored again under this host's name, with its tags and its pin, and the\n" +
			"old one is forgotten. \"qsnap undelete\" brings the old ones back until a prune.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "host", Usage: "take over the snapshots of `HOST`"},
			&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "print what would be done, but do nothing"},
		},
		Action: p.profileAdopt,
	})
}

func (p *program) profileAdopt(c *cli.Context) error {
	host := c.String("host")
	if host == "" {
		return usage(hint{errors.New("no host given"), "name the one whose snapshots are taken over with --host"})
	}
	if c.NArg() > 1 {
		return usage(errors.New("several profiles given: name one"))
	}
	named, err := p.profilesNamed(c, false)
	if err != nil {
		return err
	}
	o := job.Options{Profile: named[0], DryRun: c.Bool("dry-run"), Schemes: p.schemes, Getenv: p.getenv}
	o.Warn = func(err error) { p.warn("%s", term.OneLine(err)) }
	p.opened = true // from here on, an unknown error is a failure
	adopted, err := job.Adopt(c.Context, o, host)
	for _, one := range adopted {
		if e := p.showAdopted(one); e != nil {
			return errors.Join(err, e)
		}
	}
	if err != nil {
		return err
	}
	line := "took over %s of host %s"
	if o.DryRun {
		line = "would take over %s of host %s"
	}
	p.say(line, term.Plural(len(adopted), "snapshot", "snapshots"), p.path(host))
	return nil
}

// showAdopted prints which snapshot was taken over, or would be.
func (p *program) showAdopted(a repo.Adopted) error {
	if p.json {
		return p.emit(report.NewAdopted(a))
	}
	line := fmt.Sprintf("snapshot %s of %s, %s", a.Old.ID.Short(), p.ofWhat(a.Old.Source()), term.LocalTime(a.Old.End))
	if a.New != nil {
		line += ", is now " + a.New.ID.Short()
	}
	if a.Left != nil {
		line += "; the old one stays: " + a.Left.Error()
	}
	p.say("%s", line)
	return nil
}
