package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/qsnap/qsnap/internal/keyring"
	"github.com/qsnap/qsnap/repo"
)

// givenSecret returns the secret that a flag gives, or else the environment, if any
// does.
func (p *program) givenSecret(c *cli.Context) (s repo.Secret, given bool, err error) {
	return p.secretNamed(c, "", "QSNAP_")
}

// secretNamed does that with flags and variables whose names begin so. A password that
// is in a file or variable is remembered; one that a command prints may come from a
// vault.
func (p *program) secretNamed(c *cli.Context, flags, variables string) (s repo.Secret, given bool, err error) {
	command := func(line string) (repo.Secret, error) { return p.passwordFromCommand(c.Context, line) }
	password := func(v string) (repo.Secret, error) { return repo.Passphrase(v), nil }
	for _, source := range []struct {
		value      string
		read       func(string) (repo.Secret, error)
		remembered bool
	}{
		{c.String(flags + "key-file"), keyFromFile, false},
		{c.String(flags + "password-file"), passwordFromFile, true},
		{c.String(flags + "password-command"), command, false},
		{p.getenv(variables + "PASSWORD"), password, true},
		{p.getenv(variables + "PASSWORD_FILE"), passwordFromFile, true},
		{p.getenv(variables + "PASSWORD_COMMAND"), command, false},
		{p.getenv(variables + "KEY_FILE"), keyFromFile, false},
	} {
		if source.value != "" {
			s, err := source.read(source.value)
			if source.remembered && !c.Bool("no-keyring") {
				s = s.Remember(keyring.Keyring{})
			}
			return s, true, err
		}
	}
	return repo.Secret{}, false, nil
}

func keyFromFile(name string) (repo.Secret, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return repo.Secret{}, usage(err)
	}
	s, err := repo.ParseKey(text)
	if err != nil {
		return repo.Secret{}, usage(fmt.Errorf("%s: %w", name, err))
	}
	return s, nil
}

// firstLine returns the first line of a text, which is a password.
func firstLine(text []byte, source string) (string, error) {
	line, _, _ := strings.Cut(string(text), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" {
		return "", usage(fmt.Errorf("%s has no password in its first line", source))
	}
	return line, nil
}

func lineFromFile(name string) (string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return "", usage(err)
	}
	return firstLine(text, name)
}

func (p *program) lineFromCommand(ctx context.Context, line string) (string, error) {
	cmd := shell(ctx, line)
	cmd.Stderr = p.stderr // and nothing on standard input, which may be data
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("password command %q: %w", line, err)
	}
	return firstLine(out, "the password command's output")
}

func passwordFromFile(name string) (repo.Secret, error) {
	line, err := lineFromFile(name)
	return repo.Passphrase(line), err
}

func (p *program) passwordFromCommand(ctx context.Context, line string) (repo.Secret, error) {
	out, err := p.lineFromCommand(ctx, line)
	return repo.Passphrase(out), err
}

// shell returns a command line's command.
func shell(ctx context.Context, line string) *exec.Cmd {
	if runtime.GOOS == "windows" {
		return exec.CommandContext(ctx, "cmd", "/C", line)
	}
	return exec.CommandContext(ctx, "/bin/sh", "-c", line)
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
		return repo.Secret{}, errors.New("an empty password protects nothing")
	}
	if fresh {
		again, err := p.ask("enter it again")
		if err != nil {
			return repo.Secret{}, err
		}
		if again != first {
			return repo.Secret{}, errors.New("the two passwords are not the same")
		}
	}
	return repo.Passphrase(first), nil
}

// ask asks for a line on the terminal that isn't shown. Without a terminal it is
// errNoSecret.
func (p *program) ask(what string) (string, error) {
	f, ok := p.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return "", errNoSecret
	}
	fmt.Fprint(p.stderr, what+": ")
	b, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(p.stderr)
	if err == io.EOF {
		err = errors.New("no password was typed")
	}
	return string(b), err
}
