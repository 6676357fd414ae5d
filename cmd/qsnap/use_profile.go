package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/snapshot"
)

// A usedProfile is the profile that --profile names, with what it says of its repository.
type usedProfile struct {
	profile.Profile
	secret   connect.Secret
	at       repoRef
	replicas []repoRef
}

func profileFlag() cli.Flag {
	return &cli.StringFlag{Name: "profile", Aliases: []string{"p"}, Usage: "use the repository, secret, settings and snapshots of the profile `NAME` (see \"qsnap config --help\")"}
}

// explicit reports whether a flag is on the command line: a variable that has the same effect
// yields to a profile.
func (p *program) explicit(flag string) bool { return slices.Contains(p.given, flag) }

// aboutProfiles are the commands that open no repository of the profile that the flag names:
// to them it is only a name, also of a profile that is gone.
var aboutProfiles = strings.Fields("config profile run history report status schedule run-now queue cancel pause resume reload logs")

// changing are the commands that change the versions of the profile that the flag names. On a
// host without any, they leave those of other hosts alone.
var changing = strings.Fields("forget rewrite tag pin")

// useProfile reads the profile that the flag names.
func (p *program) useProfile(c *cli.Context) error {
	name := c.String("profile")
	if name == "" || slices.Contains(aboutProfiles, c.Args().First()) {
		return nil
	}
	set, err := p.profiles(c)
	if err != nil {
		return err
	}
	found, err := set.Get(name)
	if err != nil {
		return usage(err)
	}
	used := &usedProfile{Profile: found}
	reached, secret, err := found.Connect(p.getenv)
	if err != nil {
		return usage(fmt.Errorf("profile %s: %w", name, err))
	}
	used.secret = secret
	used.at = refOf(reached)
	used.at.profile = name
	for _, l := range found.Replicas {
		reached, err := found.ConnectReplica(l, p.getenv)
		if err != nil {
			return usage(fmt.Errorf("profile %s: %w", name, err))
		}
		used.replicas = append(used.replicas, refOf(reached))
	}
	p.profile = used
	return p.setFlags(c, map[string][]string{
		"cache-dir": text(string(found.CacheDir)), "cache-size": textOf(found.CacheSize), "no-keyring": yes(found.NoKeyring),
	})
}

// refOf returns the reference to a location that a profile says how to reach.
func refOf(reached connect.Config) repoRef {
	return repoRef{location: reached.Location, shown: reached.Location.String(), objectLock: reached.ObjectLock, reached: &reached}
}

// profileReplica returns the profile's replica with a name.
func (p *program) profileReplica(name string) (repoRef, bool) {
	if p.profile == nil || p.explicit("replica") {
		return repoRef{}, false
	}
	i := slices.IndexFunc(p.profile.replicas, func(at repoRef) bool { return at.shown == name })
	if i < 0 {
		return repoRef{}, false
	}
	return p.profile.replicas[i], true
}

// asProfileSays returns how a profile says that a location is reached, unless flags say
// something else.
func (p *program) asProfileSays(c *cli.Context, at repoRef) connect.Config {
	o := *at.reached
	o.ObjectLock = at.objectLock
	if p.explicit("ca-file") {
		o.CAFile = c.String("ca-file")
	}
	if p.explicit("fingerprint") {
		o.Fingerprint = c.String("fingerprint")
	}
	return o
}

// setFlags gives flags that aren't on the command line the values of the profile.
func (p *program) setFlags(c *cli.Context, values map[string][]string) error {
	for flag, list := range values {
		if p.explicit(flag) {
			continue
		}
		for _, value := range list {
			if err := c.Set(flag, value); err != nil {
				return usage(fmt.Errorf("profile %s: %s: %w", p.profile.Name, flag, err))
			}
		}
	}
	return nil
}

// asProfile gives the flags of a command the values of the profile.
func (p *program) asProfile(c *cli.Context) error {
	if p.profile == nil {
		return nil
	}
	switch c.Command.FullName() {
	case "snapshot":
		return p.setFlags(c, takingFlags(p.profile.Profile))
	case "forget":
		if p.ownPolicy(c) {
			return p.setFlags(c, pruningFlags(p.profile.Prune))
		}
		err := p.setFlags(c, keepingFlags(p.profile.Retention))
		return errors.Join(err, p.setFlags(c, pruningFlags(p.profile.Prune)))
	case "prune":
		return p.setFlags(c, pruningFlags(p.profile.Prune))
	case "check":
		if p.explicit("read-data") || p.explicit("read-data-subset") {
			return nil
		}
		return p.setFlags(c, checkingFlags(p.profile.Verify))
	}
	return nil
}

// ownPolicy reports whether a forget says itself what is kept or forgotten.
func (p *program) ownPolicy(c *cli.Context) bool {
	return c.NArg() > 0 || slices.ContainsFunc(p.given, func(flag string) bool { return strings.HasPrefix(flag, "keep-") })
}

// pathsToTake returns the arguments of a snapshot, or else the sources of the profile.
func (p *program) pathsToTake(c *cli.Context) []string {
	if p.takesProfile(c) {
		return p.profile.NamedPaths()
	}
	return c.Args().Slice()
}

// takesProfile reports whether a snapshot is of the profile's sources.
func (p *program) takesProfile(c *cli.Context) bool {
	return p.profile != nil && !c.Args().Present() && c.String("command") == "" && !c.Bool("stdin")
}

// jobOf returns the job that a snapshot of the profile's sources is of. Its slot is the period
// of the schedule in which it is taken.
func (p *program) jobOf(c *cli.Context) snapshot.Job {
	job := snapshot.Job{Profile: p.profile.Name, Settings: p.profile.Settings()}
	if due, err := p.profile.Schedule.Due(); err == nil {
		job.Slot = due.Slot(time.Now())
	}
	if c.Bool("dry-run") {
		return job
	}
	dir, err := p.stateDir()
	if err != nil {
		p.warn("this installation of qsnap stays unknown: %s", term.OneLine(err))
		return job
	}
	job.Installation = dir.Installation()
	return job
}

// ofProfile narrows a selection to the versions of the profile: those of this host or, if
// it has none and the command only reads, those of the only host that has any.
func (p *program) ofProfile(c *cli.Context, r *repo.Repo, s *repo.Filter) error {
	if p.profile == nil {
		return nil
	}
	s.Profile, s.ProfilePaths = p.profile.Name, p.profile.Paths()
	if s.Hostname != "" {
		return nil
	}
	all := *s
	all.Until, all.Tags, all.Paths, all.AnyKind = s.Until, nil, nil, true
	sources, err := r.Catalog().Sources(c.Context, all)
	if err != nil && len(sources) == 0 {
		return nil // the command finds out what is wrong
	}
	var hosts []string
	for _, source := range sources {
		if host := source.Source.Hostname; !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	s.Hostname = p.thisHost()
	switch {
	case len(hosts) == 0, slices.Contains(hosts, s.Hostname):
	case len(hosts) == 1 && !slices.Contains(changing, c.Command.FullName()):
		p.note("profile %s has no snapshot of this host, %s: these are of %s", s.Profile, p.path(s.Hostname), p.path(hosts[0]))
		s.Hostname = hosts[0]
	default:
		slices.Sort(hosts)
		return usage(hint{fmt.Errorf("profile %s has no snapshot of this host, %s, but of %s", s.Profile, s.Hostname, strings.Join(hosts, ", ")), "select one with --host"})
	}
	return nil
}
