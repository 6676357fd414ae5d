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

// yesFlag permits what confirm asks about.
func yesFlag() cli.Flag {
	return &cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "answer yes to every question"}
}

// confirm returns nil if the user agrees to what is about to be done. With --yes they
// do. On a terminal they are asked, after what, which is the plan and ends without a
// question. Elsewhere, and with --json, the error is errNeedsYes: nothing may be done
// then.
func (p *program) confirm(c *cli.Context, what string) error {
	if c.Bool("yes") {
		return nil
	}
	if !term.IsTerminal(p.stdin) || p.json {
		if !p.json {
			fmt.Fprintln(p.stderr, what)
		}
		return errNeedsYes
	}
	fmt.Fprintf(p.stderr, "%s\nContinue? [y/N] ", what)
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
