package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/job/profile"
)

// profiles returns the profiles of the configuration. It prints what in it should be looked
// at.
func (p *program) profiles(c *cli.Context) (*profile.Set, error) {
	path, err := profile.Locate(p.getenv, c.String("config"))
	if err != nil {
		return nil, usage(err)
	}
	set, err := profile.Load(path, p.getenv)
	return set, usage(err)
}

// profilesNamed returns the profiles that the arguments name, or all of them.
func (p *program) profilesNamed(c *cli.Context, all bool) ([]profile.Profile, error) {
	names := c.Args().Slice()
	if one := c.String("profile"); one != "" {
		names = append(names, one)
	}
	switch {
	case all && len(names) > 0:
		return nil, usage(errors.New("--all and the name of a profile exclude each other"))
	case !all && len(names) == 0:
		return nil, usage(hint{errors.New("no profile given"), "name one, or use --all"})
	}
	set, err := p.profiles(c)
	if err != nil {
		return nil, err
	}
	if all {
		names = set.Names()
	}
	if len(names) == 0 {
		return nil, usage(fmt.Errorf("%s: there is no profile", set.Path()))
	}
	var list []profile.Profile
	for _, name := range names {
		one, err := set.Get(name)
		if err != nil && all { // the others run
			p.warn("%s", strings.ReplaceAll(term.OneLine(err), "\n", " "))
			list = append(list, profile.Profile{Name: name})
			continue
		}
		if err != nil {
			return nil, usage(err)
		}
		list = append(list, one)
	}
	return list, nil
}
