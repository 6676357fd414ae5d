package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/repo"
)

// otherFlags give the secret of a second repository, the one that a flag names.
func otherFlags(prefix, flag string) []cli.Flag {
	variable := "QSNAP_" + strings.ToUpper(prefix) + "_"
	return []cli.Flag{
		&cli.StringFlag{Name: prefix + "-password-file", Usage: fmt.Sprintf("read the password of %s from `FILE` [$%sPASSWORD_FILE, or the password itself in $%sPASSWORD]", flag, variable, variable)},
		&cli.StringFlag{Name: prefix + "-password-command", Usage: fmt.Sprintf("run `COMMAND` in a shell and read that password from its output [$%sPASSWORD_COMMAND]", variable)},
		&cli.StringFlag{Name: prefix + "-key-file", Usage: fmt.Sprintf("open %s with a key `FILE` or recovery sheet [$%sKEY_FILE]", flag, variable)},
	}
}

// openOther opens a second repository with the secret that its flags give. Without
// any it tries one that may be the same, if it isn't nil, and then asks.
func (p *program) openOther(c *cli.Context, name, prefix string, perhaps *repo.Secret) (*repo.Repo, error) {
	where, err := parseLocation(name)
	if err != nil {
		return nil, err
	}
	at := place{location: where}
	t, err := p.openTarget(c, where, false)
	if err == nil {
		err = repo.Probe(c.Context, t)
	}
	if err != nil {
		return nil, p.explain(at, err)
	}
	secret, given, err := p.secretNamed(c, prefix+"-", "QSNAP_"+strings.ToUpper(prefix)+"_")
	if err != nil {
		return nil, err
	}
	if !given && perhaps != nil {
		r, err := repo.Open(c.Context, t, *perhaps, p.options(c))
		if !errors.Is(err, repo.ErrWrongSecret) {
			return r, p.explain(at, err)
		}
	}
	if !given {
		secret, err = p.prompt("password for repository "+name, false)
		if errors.Is(err, errNoSecret) {
			err = usage(hint{fmt.Errorf("%s: no password and no key was given", name), fmt.Sprintf("use --%s-password-file, --%s-password-command or --%s-key-file", prefix, prefix, prefix)})
		}
		if err != nil {
			return nil, err
		}
	}
	r, err := repo.Open(c.Context, t, secret, p.options(c))
	if errors.Is(err, repo.ErrWrongSecret) {
		return nil, hint{fmt.Errorf("%s: %w", name, err), fmt.Sprintf("check --%s-password-file, --%s-password-command, --%s-key-file or the QSNAP_%s_ variables", prefix, prefix, prefix, strings.ToUpper(prefix))}
	}
	return r, p.explain(at, err)
}
