package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/repo/report"
)

func (p *program) scheduleInstallCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "install",
		Usage:     "let systemd, cron or another scheduler run profiles",
		ArgsUsage: "[PROFILE...]",
		Description: "The scheduler starts \"qsnap run --scheduled\" at each slot of a profile, and sometimes\n" +
			"between, where it can't express the schedule: that does nothing. Install again after a\n" +
			"change of the schedule. Without a flag, the scheduler of this system is used.",
		Flags: append(schedulerFlags("let", "start runs"),
			&cli.BoolFlag{Name: "all", Usage: "let it run all profiles that have a schedule"},
			&cli.StringFlag{Name: "on-failure", Usage: "let systemd start `UNIT` when a run has failed"},
			&cli.BoolFlag{Name: "print", Usage: "print what the scheduler would read, but install nothing"}),
		Action: p.scheduleInstall,
	})
}

func (p *program) scheduleInstall(c *cli.Context) error {
	name, err := schedulerOf(c)
	if err != nil {
		return err
	}
	name = cmp.Or(name, usualScheduler())
	if c.String("on-failure") != "" && name != "systemd" {
		return usage(errors.New("--on-failure is for systemd: other schedulers have hooks of the profile, such as on-failure"))
	}
	to, err := p.scheduler(name, ofUser(c))
	if err != nil {
		return err
	}
	profiles, err := p.profilesNamed(c, c.Bool("all"))
	if err != nil {
		return err
	}
	var failed error
	for _, one := range profiles {
		if c.Bool("all") && one.Schedule.Every == 0 && one.Schedule.Cron == "" {
			continue
		}
		if err := p.installOne(c, to, one, name); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// installOne lets a scheduler run a profile.
func (p *program) installOne(c *cli.Context, to scheduler, one profile.Profile, name string) error {
	j, err := p.scheduledJob(c, one, name)
	if err != nil {
		return err
	}
	s, err := to.plan(j)
	if err != nil {
		return usage(err)
	}
	s.Profile, s.Scheduler = one.Name, name
	if one.Paused {
		s.Warning = "the profile is paused: its runs do nothing until it is not"
	}
	what := "printed"
	if !c.Bool("print") {
		what = "installed"
		p.opened = true // from here on, an unknown error is a failure
		if s.Commands, err = to.install(c.Context, s); err != nil {
			return err
		}
	}
	return p.showScheduled(report.NewScheduled(what, s))
}

// showScheduled prints what a scheduler was told.
func (p *program) showScheduled(s report.Scheduled) error {
	if p.json {
		return p.emit(s)
	}
	switch s.MessageType {
	case "installed":
		p.say("%s: %s runs it: %s", s.Profile, s.Scheduler, strings.Join(s.Files, " and "))
	case "removed":
		p.say("%s: removed from %s", s.Profile, s.Scheduler)
	default: // it was asked for
		fmt.Fprint(p.stdout, s.Text)
	}
	for _, command := range s.Commands {
		p.say("  now run: %s", command)
	}
	if s.Warning != "" {
		p.warn("%s: %s", s.Profile, s.Warning)
	}
	return nil
}

func (p *program) scheduleRemoveCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "remove",
		Usage:     "remove what \"schedule install\" has installed",
		ArgsUsage: "PROFILE...",
		Description: "What is removed is printed first. A profile that is no longer in the configuration can be\n" +
			"named, too. Versions and the repository stay.",
		Flags: append(schedulerFlags("remove what", "has"),
			&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "print what would be removed, but do nothing"}),
		Action: p.scheduleRemove,
	})
}

func (p *program) scheduleRemove(c *cli.Context) error {
	name, err := schedulerOf(c)
	if err != nil {
		return err
	}
	name = cmp.Or(name, usualScheduler())
	return p.eachInstalled(c, name, func(from scheduler, s report.Scheduled) error {
		said := term.Printable(strings.Join(s.Files, " and "))
		if len(s.Files) == 0 {
			said = "these lines of the crontab:\n" + strings.TrimSpace(s.Text)
		}
		if c.Bool("dry-run") {
			p.say("%s: would remove %s", s.Profile, said)
			return nil
		}
		p.say("%s: removing %s", s.Profile, said)
		p.opened = true
		if s.Commands, err = from.remove(c.Context, s); err != nil {
			return err
		}
		s.Text = ""
		return p.showScheduled(report.NewScheduled("removed", s))
	})
}

// showInstalled prints what a scheduler has for profiles.
func (p *program) showInstalled(c *cli.Context, name string) error {
	return p.eachInstalled(c, name, func(_ scheduler, s report.Scheduled) error {
		return p.showScheduled(report.NewScheduled("shown", s))
	})
}

// eachInstalled calls a function with what a scheduler has for each profile that is named.
func (p *program) eachInstalled(c *cli.Context, name string, f func(scheduler, report.Scheduled) error) error {
	of, err := p.scheduler(name, ofUser(c))
	if err != nil {
		return err
	}
	names := c.Args().Slice()
	if one := c.String("profile"); one != "" && !slices.Contains(names, one) {
		names = append(names, one)
	}
	if len(names) == 0 {
		return usage(hint{errors.New("no profile given"), "name one"})
	}
	for _, profile := range names {
		s, err := of.installed(c.Context, profile)
		if err != nil {
			return err
		}
		s.Profile, s.Scheduler = profile, name
		if s.Text == "" {
			return usage(hint{errors.New(name + " has nothing for profile " + profile), "\"qsnap schedule install\" installs it"})
		}
		if err := f(of, s); err != nil {
			return err
		}
	}
	return nil
}
