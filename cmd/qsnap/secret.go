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

	"github.com/qsnap/qsnap/repo"
)

// givenSecret returns the secret that a flag gives, or else the environment, if any
// does.
func (p *program) givenSecret(c *cli.Context) (s repo.Secret, given bool, err error) {
	return p.secretNamed(c, "", "QSNAP_")
}

// secretNamed does that with flags and variables whose names begin so.
func (p *program) secretNamed(c *cli.Context, flags, variables string) (s repo.Secret, given bool, err error) {
	command := func(line string) (repo.Secret, error) { return p.passwordFromCommand(c.Context, line) }
	for _, source := range []struct {
		value string
		read  func(string) (repo.Secret, error)
	}{
		{c.String(flags + "key-file"), keyFromFile},
		{c.String(flags + "password-file"), passwordFromFile},
		{c.String(flags + "password-command"), command},
		{p.getenv(variables + "PASSWORD"), func(v string) (repo.Secret, error) { return repo.Passphrase(v), nil }},
		{p.getenv(variables + "PASSWORD_FILE"), passwordFromFile},
		{p.getenv(variables + "PASSWORD_COMMAND"), command},
		{p.getenv(variables + "KEY_FILE"), keyFromFile},
	} {
		if source.value != "" {
			s, err := source.read(source.value)
			return s, true, err
		}
	}
	return repo.Secret{}, false, nil
}

func keyFromFile(name string) (repo.Secret, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return repo.Secret{}, err
	}
	s, err := repo.ParseKey(text)
	if err != nil {
		return repo.Secret{}, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// password returns the first line of a text.
func password(text []byte, source string) (repo.Secret, error) {
	line, _, _ := strings.Cut(string(text), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" {
		return repo.Secret{}, fmt.Errorf("%s has no password in its first line", source)
	}
	return repo.Passphrase(line), nil
}

func passwordFromFile(name string) (repo.Secret, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return repo.Secret{}, err
	}
	return password(text, name)
}

func (p *program) passwordFromCommand(ctx context.Context, line string) (repo.Secret, error) {
	cmd := shell(ctx, line)
	cmd.Stdin, cmd.Stderr = p.stdin, p.stderr
	out, err := cmd.Output()
	if err != nil {
		return repo.Secret{}, fmt.Errorf("password command %q: %w", line, err)
	}
	return password(out, "the password command's output")
}

// shell returns a command line's command.
func shell(ctx context.Context, line string) *exec.Cmd {
	if runtime.GOOS == "windows" {
		return exec.CommandContext(ctx, "cmd", "/C", line)
	}
	return exec.CommandContext(ctx, "/bin/sh", "-c", line)
}

var errNoSecret = hint{errors.New("no password and no key was given, and there is no terminal to ask on"),
	"set QSNAP_PASSWORD_FILE, or use --password-file, --password-command or --key-file"}

// prompt asks for a password on the terminal, twice if it is a new one.
func (p *program) prompt(what string, fresh bool) (repo.Secret, error) {
	f, ok := p.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return repo.Secret{}, errNoSecret
	}
	ask := func(text string) (string, error) {
		fmt.Fprint(p.stderr, text)
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(p.stderr)
		if err == io.EOF {
			err = errors.New("no password was typed")
		}
		return string(b), err
	}
	first, err := ask("enter " + what + ": ")
	if err != nil {
		return repo.Secret{}, err
	}
	if first == "" {
		return repo.Secret{}, errors.New("an empty password protects nothing")
	}
	if fresh {
		again, err := ask("enter it again: ")
		if err != nil {
			return repo.Secret{}, err
		}
		if again != first {
			return repo.Secret{}, errors.New("the two passwords are not the same")
		}
	}
	return repo.Passphrase(first), nil
}
