package main

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/control/client"
	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/internal/state"
)

// systemState is the state directory of a service that root runs.
const systemState = "/var/lib/qsnap"

// service returns a client of the service of this user or, if there is none, of the machine.
func (p *program) service(c *cli.Context) (*client.Client, error) {
	own, err := state.Default(p.getenv)
	if err != nil {
		return nil, err
	}
	states := []string{own}
	if p.getenv("STATE_DIRECTORY") == "" && own != systemState {
		states = append(states, systemState)
	}
	s, err := client.Find(c.Context, states...)
	if errors.Is(err, client.ErrNoService) {
		err = hint{err, "start it, or use \"qsnap run PROFILE\", which needs no service"}
	}
	return s, failed(err)
}

// failed marks an error of the service: it is no wrong usage.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return exit.As(err, exit.ErrFailed)
}

// subjectOf returns the argument of a command or, without one, the profile that -p names, or "".
func subjectOf(c *cli.Context) (string, error) {
	name, profile := c.Args().First(), c.String("profile")
	if name != "" && profile != "" {
		return "", usage(fmt.Errorf("%s and -p %s: name one", name, profile))
	}
	return cmp.Or(name, profile), nil
}

// oneName returns what a command is about.
func oneName(c *cli.Context, what string) (string, error) {
	name, err := subjectOf(c)
	if err == nil && name == "" {
		err = usage(fmt.Errorf("name one %s", what))
	}
	return name, err
}
