package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/control/client"
	"github.com/qsnap/qsnap/snapshot"
)

func (p *program) runNowCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "run-now",
		Usage:     "let the service run a profile as soon as it can",
		ArgsUsage: "PROFILE",
		Description: "The run is put into the queue of qsnapd, before all scheduled ones. Asking again for what\n" +
			"waits already changes its priority. \"qsnap run\" runs a profile without the service.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "level", Usage: "take a version of `LEVEL`: full, differential or incremental", DefaultText: "what the schedule asks for"},
			&cli.IntFlag{Name: "priority", Usage: "give the run priority `N`, from 1 to 9: those with a higher one start first", Value: 5},
			&cli.BoolFlag{Name: "no-limit", Usage: "take what there is of the machine, whatever the profile's limits"},
		},
		Action: p.runNow,
	})
}

func (p *program) runNow(c *cli.Context) error {
	name, err := oneName(c, "profile")
	if err != nil {
		return err
	}
	if n := c.Int("priority"); n < 1 || n > 9 {
		return usage(fmt.Errorf("--priority %d: want a number from 1 to 9", n))
	}
	if level := c.String("level"); level != "" {
		if _, err := snapshot.ParseLevel(level); err != nil {
			return usage(fmt.Errorf("--level: %w", err))
		}
	}
	s, err := p.service(c)
	if err != nil {
		return err
	}
	r, err := s.Run(c.Context, client.Run{Profile: name, Level: c.String("level"), Priority: c.Int("priority"), NoLimit: c.Bool("no-limit")})
	if err != nil {
		return failed(err)
	}
	if p.json {
		return p.emit(r)
	}
	p.say("%s: run %s is queued%s; \"qsnap logs -f %s\" follows it", name, r.ID, levelText(r.Level), r.ID)
	return nil
}

func levelText(level string) string {
	if level == "" {
		return ""
	}
	return " at level " + level
}
