package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
)

// yesFlag answers what confirm asks.
func yesFlag() cli.Flag {
	return &cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "answer yes to every question"}
}

// confirm returns nil if the user agrees to a plan, as --yes does. On a terminal it prints
// the plan, which ends without a question, and asks. Elsewhere, and with --json, the error is
// errNeedsYes, and the caller must do nothing.
func (p *program) confirm(c *cli.Context, plan string) error {
	if c.Bool("yes") {
		return nil
	}
	if !term.IsTerminal(p.stdin) || p.json {
		if !p.json {
			fmt.Fprintln(p.stderr, plan)
		}
		return errNeedsYes
	}
	fmt.Fprintf(p.stderr, "%s\nContinue? [y/N] ", plan)
	answer, err := bufio.NewReader(p.stdin).ReadString('\n')
	if err != nil && err != io.EOF {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return judged{errors.New("not confirmed: nothing was done"), errNeedsYes}
}
