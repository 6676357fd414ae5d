package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
)

// secret returns where the secret of a repository comes from: flags and variables whose
// names have these prefixes, or else the terminal.
func (p *program) secret(c *cli.Context, flags, variables string) connect.Secret {
	s := connect.Secret{
		KeyFile: c.String(flags + "key-file"), PasswordFile: c.String(flags + "password-file"), PasswordCommand: c.String(flags + "password-command"),
		Variables: variables, NoKeyring: c.Bool("no-keyring"), Getenv: p.getenv, Stderr: p.stderr,
		Ask: func(what string) (repo.Secret, error) { return p.prompt(what, false) },
	}
	if flags == "" && p.profile != nil && !p.explicit("repo") && s.KeyFile == "" && s.PasswordFile == "" && s.PasswordCommand == "" {
		s.KeyFile, s.PasswordFile, s.PasswordCommand = p.profile.secret.KeyFile, p.profile.secret.PasswordFile, p.profile.secret.PasswordCommand
	}
	return s
}

var errNoSecret = usage(hint{errors.New("no password and no key was given, and there is no terminal to ask on"),
	"set QSNAP_PASSWORD_FILE, or use --password-file, --password-command or --key-file"})

// prompt asks for a password on the terminal, twice if it is a new one.
func (p *program) prompt(what string, fresh bool) (repo.Secret, error) {
	first, err := p.ask("enter " + what)
	if err != nil {
		return repo.Secret{}, err
	}
	if first == "" {
		return repo.Secret{}, errors.New("the password is empty: an empty password protects nothing")
	}
	if fresh {
		again, err := p.ask("enter it again")
		if err != nil {
			return repo.Secret{}, err
		}
		if again != first {
			return repo.Secret{}, errors.New("the two passwords differ")
		}
	}
	return repo.Passphrase(first), nil
}

// ask reads a line from the terminal without showing it. Without a terminal the error is
// errNoSecret.
func (p *program) ask(what string) (string, error) {
	if !term.IsTerminal(p.stdin) {
		return "", errNoSecret
	}
	fmt.Fprint(p.stderr, what+": ")
	typed, err := term.ReadPassword(p.stdin)
	fmt.Fprintln(p.stderr)
	return typed, err
}
