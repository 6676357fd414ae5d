package main

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/control/client"
)

func (p *program) cancelCommand() *cli.Command {
	return p.command(&cli.Command{
		Name: "cancel", Usage: "stop a run of the service", ArgsUsage: "RUN",
		Description: "RUN is the id of a run or its profile. The repository stays whole, hooks after the snapshot\n" +
			"are run, and the run is not repeated for its slot.",
		Action: p.serviceVerb("run or profile", func(c *cli.Context, s *client.Client, name string) (string, error) {
			return fmt.Sprintf("%s ends", name), s.Cancel(c.Context, name)
		}),
	})
}

func (p *program) pauseCommand() *cli.Command {
	return p.command(&cli.Command{
		Name: "pause", Usage: "keep the service from starting scheduled runs, of all profiles or of one", ArgsUsage: "[PROFILE]",
		Description: "Runs that are under way go on, and \"qsnap run-now\" starts runs all the same. A pause lasts\n" +
			"until \"qsnap resume\", also when the machine is started again.",
		Action: p.optionalVerb(func(c *cli.Context, s *client.Client, name string) (string, error) {
			return cmp.Or(name, "all profiles") + " paused", s.Pause(c.Context, name)
		}),
	})
}

func (p *program) resumeCommand() *cli.Command {
	return p.command(&cli.Command{
		Name: "resume", Usage: "let the service start scheduled runs again", ArgsUsage: "[PROFILE]",
		Description: "What was missed is caught up once, if the profile doesn't say otherwise.",
		Action: p.optionalVerb(func(c *cli.Context, s *client.Client, name string) (string, error) {
			return cmp.Or(name, "all profiles") + " resumed", s.Resume(c.Context, name)
		}),
	})
}

func (p *program) reloadCommand() *cli.Command {
	return p.command(&cli.Command{
		Name: "reload", Usage: "make the service read its configuration again",
		Description: "Runs that are under way go on. If something in the configuration can't work, the old one\n" +
			"stays in use.",
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return usage(errors.New("reload takes no arguments"))
			}
			return p.askService(c, "", func(c *cli.Context, s *client.Client, _ string) (string, error) {
				return "the configuration was read again", s.Reload(c.Context)
			})
		},
	})
}

// optionalVerb is serviceVerb for what concerns all profiles if none is named.
func (p *program) optionalVerb(do func(c *cli.Context, s *client.Client, name string) (done string, err error)) cli.ActionFunc {
	return func(c *cli.Context) error {
		name, err := subjectOf(c)
		if err != nil {
			return err
		}
		return p.askService(c, name, do)
	}
}
