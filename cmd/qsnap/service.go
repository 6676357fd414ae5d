package main

import (
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

// oneName returns the one argument of a command.
func oneName(c *cli.Context, what string) (string, error) {
	if c.NArg() != 1 {
		return "", usage(fmt.Errorf("name one %s", what))
	}
	return c.Args().First(), nil
}
