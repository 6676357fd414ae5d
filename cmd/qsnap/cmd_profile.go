package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/repo/report"
)

func (p *program) profileCommand() *cli.Command {
	const keys = "KEY is one such as repo or retention.keep-last (\"qsnap config example\" prints all), and\n" +
		"VALUE is YAML. Comments and all other lines of the file stay as they are. What does not\n" +
		"check is not written."
	return p.command(&cli.Command{
		Name:        "profile",
		Usage:       "list, add, change, remove and recover profiles, or take over what another host had",
		Description: "A profile is a job: \"qsnap config --help\" says where profiles are.",
		Subcommands: []*cli.Command{
			p.command(&cli.Command{
				Name: "list", Usage: "list the profiles",
				Action: p.profileList,
			}),
			p.command(&cli.Command{
				Name: "add", Usage: "add a profile", ArgsUsage: "NAME KEY=VALUE...",
				Description: "Adds a profile, as in\n\n" +
					"  qsnap profile add app repo=/backup/app key-file=/etc/qsnap/app.key \\\n" +
					"      sources=/srv/app schedule.every=1h retention.keep-last=72\n\n" + keys,
				Action: func(c *cli.Context) error { return p.profileEdit(c, "added") },
			}),
			p.command(&cli.Command{
				Name: "set", Usage: "change keys of a profile", ArgsUsage: "NAME KEY=VALUE...",
				Description: "An empty VALUE takes back what the profile inherits from the one named default.\n" + keys,
				Action:      func(c *cli.Context) error { return p.profileEdit(c, "changed") },
			}),
			p.command(&cli.Command{
				Name: "remove", Usage: "remove a profile, or keys of it", ArgsUsage: "NAME [KEY...]",
				Description: "Versions that the profile has made stay in its repository.",
				Action:      func(c *cli.Context) error { return p.profileEdit(c, "removed") },
			}),
			p.profileAdoptCommand(), p.profileRecoverCommand(),
		},
		Action: p.onlySubcommands,
	})
}

func (p *program) profileList(c *cli.Context) error {
	set, err := p.profiles(c)
	if err != nil {
		return err
	}
	list := []report.ProfileListed{}
	for _, name := range set.Names() {
		profile, err := set.Get(name)
		l := report.ProfileListed{Name: name, Repository: profile.Repo.String(), Sources: profile.Paths(), Paused: profile.Paused}
		if due, e := profile.Schedule.Due(); e == nil {
			l.Schedule = due.String()
		}
		if l.Sources == nil {
			l.Sources = []string{}
		}
		if err != nil {
			l.Problem = err.Error()
		}
		list = append(list, l)
	}
	if p.json {
		return p.emit(list)
	}
	if len(list) == 0 {
		p.say("there is no profile in %s: \"qsnap profile add\" adds one", set.Path())
		return nil
	}
	rows := [][]string{{"Profile", "Repository", "Schedule", "Sources"}}
	for _, l := range list {
		when := l.Schedule
		switch {
		case l.Problem != "":
			when = "can't be used"
		case l.Paused:
			when = strings.TrimSpace(when + " (paused)")
		}
		rows = append(rows, []string{l.Name, p.path(l.Repository), when, p.path(strings.Join(l.Sources, ", "))})
	}
	p.table(rows)
	p.warnOfProfiles(set)
	return nil
}

// profileEdit adds, changes or removes a profile.
func (p *program) profileEdit(c *cli.Context, what string) error {
	path, err := profile.Locate(p.getenv, c.String("config"))
	if err != nil {
		return usage(err)
	}
	if c.NArg() == 0 {
		return usage(hint{errors.New("no profile given"), fmt.Sprintf("see \"qsnap %s --help\"", c.Command.FullName())})
	}
	name, rest := c.Args().First(), c.Args().Tail()
	var settings []profile.Setting
	if what != "removed" {
		if settings, err = settingsOf(rest); err != nil {
			return usage(err)
		}
	}
	switch what {
	case "added":
		err = profile.Add(path, p.getenv, name, settings)
	case "changed":
		err = profile.Change(path, p.getenv, name, settings)
	default:
		err = profile.Remove(path, p.getenv, name, rest)
	}
	if err != nil {
		return usage(err)
	}
	if p.json {
		return p.emit(report.NewProfileEdited(what, name, path))
	}
	if what == "removed" && len(rest) > 0 {
		what = "changed"
	}
	p.say("%s profile %s in %s", what, name, path)
	if what == "added" {
		p.say("\"qsnap config check %s\" looks at what it names; \"qsnap init -p %s\" makes its repository", name, name)
	}
	return nil
}

// settingsOf reads arguments such as retention.keep-last=72.
func settingsOf(args []string) (list []profile.Setting, err error) {
	if len(args) == 0 {
		return nil, hint{errors.New("no key given"), "write KEY=VALUE, such as retention.keep-last=72"}
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		if !ok {
			return nil, hint{fmt.Errorf("%q has no value", arg), "write KEY=VALUE, such as retention.keep-last=72"}
		}
		list = append(list, profile.Setting{Key: key, Value: value, Dir: dir})
	}
	return list, nil
}
