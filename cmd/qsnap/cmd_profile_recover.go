package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

func (p *program) profileRecoverCommand() *cli.Command {
	return p.command(&cli.Command{
		Name: "recover", Usage: "add a profile as its newest snapshot has recorded it", ArgsUsage: "NAME [KEY=VALUE...]",
		Description: "Gives a machine that has lost its configuration its job back, as in\n\n" +
			"  qsnap profile recover app --repo /mnt/backup/app --key-file app.key \\\n" +
			"      repo=/mnt/backup/app key-file=/etc/qsnap/app.key\n\n" +
			"Each KEY=VALUE replaces what was recorded, such as where the key is now. The profile is\n" +
			"paused: look at it, and then set paused=false. Secrets are not in a snapshot.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "host", Usage: "take what `HOST` has recorded"},
		},
		Action: p.profileRecover,
	})
}

func (p *program) profileRecover(c *cli.Context) error {
	if c.NArg() == 0 {
		return usage(hint{errors.New("no profile given"), "see \"qsnap profile recover --help\""})
	}
	name := c.Args().First()
	var changes []profile.Setting
	var err error
	if c.NArg() > 1 {
		if changes, err = settingsOf(c.Args().Tail()); err != nil {
			return usage(err)
		}
	}
	path, err := profile.Locate(p.getenv, c.String("config"))
	if err != nil {
		return usage(err)
	}
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer r.Close()
	m, err := p.recorded(c, r, name)
	if err != nil {
		return err
	}
	if err := profile.Recover(path, p.getenv, name, m.Job.Settings, changes); err != nil {
		return usage(err)
	}
	if p.json {
		return p.emit(report.NewProfileEdited("recovered", name, path))
	}
	p.say("recovered profile %s in %s, as snapshot %s of host %s has it, %s", name, path, m.ID.Short(), p.path(m.Hostname), term.LocalTime(m.End))
	p.say("it is paused: look at it with \"qsnap config show %s\" and \"qsnap config check %s\", then \"qsnap profile set %s paused=false\"", name, name, name)
	return nil
}

// recorded returns the newest snapshot that has the settings of a profile. Several hosts with
// one are an error, unless a flag chooses.
func (p *program) recorded(c *cli.Context, r *repo.Repo, name string) (*snapshot.Manifest, error) {
	all, err := r.Snapshots(c.Context, repo.Filter{Hostname: c.String("host"), Profile: name})
	if all == nil && err != nil {
		return nil, err
	}
	var newest *snapshot.Manifest
	var hosts []string
	for _, m := range all { // the oldest first
		if m.Job.Profile != name || len(m.Job.Settings) == 0 {
			continue
		}
		newest = m
		if !slices.Contains(hosts, m.Hostname) {
			hosts = append(hosts, m.Hostname)
		}
	}
	switch {
	case len(hosts) > 1:
		slices.Sort(hosts)
		return nil, usage(hint{fmt.Errorf("several hosts have a profile %q here: %s", name, strings.Join(hosts, ", ")), "select one with --host"})
	case newest == nil:
		return nil, errors.Join(fmt.Errorf("no snapshot here has recorded a profile %q", name), err)
	}
	if err != nil { // of manifests that can't be read
		p.warn("%s", term.OneLine(err))
	}
	return newest, nil
}
