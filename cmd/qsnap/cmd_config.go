package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v3"

	"github.com/qsnap/qsnap/internal/governor"
	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/repo/report"
)

func (p *program) configCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:  "config",
		Usage: "check and show the configuration of profiles",
		Description: "A profile says what is saved where, when, and for how long. Profiles are in a file of YAML:\n" +
			"the one that --config or $QSNAP_CONFIG names, else /etc/qsnap/config.yaml for root, and\n" +
			"~/.config/qsnap/config.yaml for others. Files conf.d/*.yaml beside config.yaml belong to\n" +
			"it. \"qsnap profile\" edits them.",
		Subcommands: []*cli.Command{
			p.command(&cli.Command{
				Name: "check", Usage: "look for what can't work in the configuration", ArgsUsage: "[PROFILE...]",
				Description: "Checks the files, and what they name on this machine: secrets, sources, directories. No\n" +
					"repository is opened. Warnings leave the exit code 0.\n\n" +
					"With --live, tries on this machine whether each PROFILE works: its sources, hooks, secret,\n" +
					"target, room, clock, schedule and key. It stores a trial version of a sample, restores and\n" +
					"compares it, and forgets it.",
				Flags: []cli.Flag{
					&cli.BoolFlag{Name: "live", Usage: "test each PROFILE on this machine before it goes live"},
				},
				Action: p.configCheck,
			}),
			p.command(&cli.Command{
				Name: "show", Usage: "print the configuration with what is inherited and with all defaults", ArgsUsage: "[PROFILE]",
				Description: "Secrets are never printed.",
				Action:      p.configShow,
			}),
			p.command(&cli.Command{
				Name: "example", Usage: "print a configuration with every key",
				Action: func(*cli.Context) error {
					_, err := fmt.Fprint(p.stdout, profile.Example())
					return err
				},
			}),
			p.command(&cli.Command{
				Name: "schema", Usage: "print the JSON Schema of the configuration, for editors",
				Action: func(*cli.Context) error {
					_, err := p.stdout.Write(profile.Schema())
					return err
				},
			}),
		},
		Action: p.onlySubcommands,
	})
}

// onlySubcommands runs if a command that only has subcommands was given none, or an unknown
// one.
func (p *program) onlySubcommands(c *cli.Context) error {
	if c.NArg() > 0 {
		return hint{fmt.Errorf("unknown command \"%s %s\"", c.Command.Name, c.Args().First()), fmt.Sprintf("\"qsnap %s --help\" lists the commands", c.Command.Name)}
	}
	return cli.ShowSubcommandHelp(c)
}

func (p *program) configCheck(c *cli.Context) error {
	if c.Bool("live") {
		return p.configLive(c)
	}
	set, err := p.profiles(c)
	if err != nil {
		return err
	}
	names := c.Args().Slice()
	problems := append(set.Problems(), set.InspectFiles()...)
	if len(names) == 0 {
		names = set.Names()
	} else {
		problems = nil
		for _, name := range names {
			_, err := set.Get(name)
			wrong, ok := errors.AsType[profile.Problems](err)
			if err != nil && !ok {
				return usage(err)
			}
			problems = append(problems, wrong...)
		}
	}
	machine, _ := os.Hostname()
	for _, name := range names {
		problems = append(problems, set.Inspect(name, machine)...)
		problems = append(problems, notHeld(set, name)...)
	}
	return p.showProblems(set.Path(), names, problems)
}

// notHeld returns the limits of a profile that can't be held on this system.
func notHeld(set *profile.Set, name string) (out []profile.Problem) {
	p, err := set.Get(name)
	if err != nil {
		return nil
	}
	l := p.Limits
	for _, mode := range []string{l.Mode, l.First} {
		err := governor.Refuse(governor.Limits{Mode: governor.Mode(mode), CPU: float64(l.CPU), IO: float64(l.IO)})
		if err != nil {
			return []profile.Problem{set.ProblemAt(name, "limits", err)}
		}
	}
	return nil
}

// showProblems prints problems and how many there are. If one isn't a warning, there is an
// error.
func (p *program) showProblems(path string, names []string, problems []profile.Problem) error {
	wrong := 0
	for _, problem := range problems {
		if !problem.Warning {
			wrong++
		}
		if p.json {
			if err := p.emit(report.NewConfigProblem(problem.File, problem.Line, problem.Key, problem.Text, problem.Warning)); err != nil {
				return err
			}
			continue
		}
		what := "error"
		if problem.Warning {
			what = "warning"
		}
		fmt.Fprintf(p.stdout, "%s: %s\n", what, p.path(term.OneLine(problem)))
	}
	warnings := len(problems) - wrong
	if p.json {
		if err := p.emit(report.NewConfigChecked(path, names, wrong, warnings)); err != nil {
			return err
		}
	} else if wrong == 0 {
		p.say("%s: %s, no error, %s", path, term.Plural(len(names), "profile", "profiles"), term.Plural(warnings, "warning", "warnings"))
	}
	if wrong > 0 {
		return usage(fmt.Errorf("%s: %s, as listed above", path, term.Plural(wrong, "error", "errors")))
	}
	return nil
}

func (p *program) configShow(c *cli.Context) error {
	set, err := p.profiles(c)
	if err != nil {
		return err
	}
	text, err := set.Show(c.Args().First())
	if err != nil {
		return usage(err)
	}
	if !p.json {
		p.warnOfProfiles(set)
		_, err = p.stdout.Write(text)
		return err
	}
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		return err
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return p.emit(report.NewConfigShown(set.Path(), b))
}

// warnOfProfiles names the profiles that can't be used.
func (p *program) warnOfProfiles(set *profile.Set) {
	for _, name := range set.Names() {
		if _, err := set.Get(name); err != nil {
			p.warn("profile %s is left out: %s", name, term.OneLine(err))
		}
	}
}
