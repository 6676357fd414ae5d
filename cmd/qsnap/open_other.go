package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/repo"
)

// otherFlags give the secret of a second repository, which another flag names.
func otherFlags(prefix, flag string) []cli.Flag {
	variable := "QSNAP_" + strings.ToUpper(prefix) + "_"
	return []cli.Flag{
		&cli.StringFlag{Name: prefix + "-password-file", Usage: fmt.Sprintf("read the password of %s from `FILE` [$%sPASSWORD_FILE, or the password itself in $%sPASSWORD]", flag, variable, variable)},
		&cli.StringFlag{Name: prefix + "-password-command", Usage: fmt.Sprintf("run `COMMAND` in a shell and read the password of %s from its output [$%sPASSWORD_COMMAND]", flag, variable)},
		&cli.StringFlag{Name: prefix + "-key-file", Usage: fmt.Sprintf("open %s with the key or recovery sheet in `FILE` [$%sKEY_FILE]", flag, variable)},
	}
}

// openOther opens a second repository with the secret that its flags give. If they give none,
// it tries the secret perhaps, unless that is nil, and then asks.
func (p *program) openOther(c *cli.Context, name, prefix string, perhaps *repo.Secret) (*repo.Repo, error) {
	at, err := p.refTo(name)
	if err != nil {
		return nil, err
	}
	t, err := p.openTarget(c, at, false)
	if err != nil {
		return nil, p.explain(at, err)
	}
	s := p.secret(c, prefix+"-", "QSNAP_"+strings.ToUpper(prefix)+"_")
	s.Perhaps = perhaps
	s.Ask = func(what string) (repo.Secret, error) {
		typed, err := p.prompt(what, false)
		if errors.Is(err, errNoSecret) {
			err = usage(hint{fmt.Errorf("%s: no password and no key was given", name), fmt.Sprintf("use --%s-password-file, --%s-password-command or --%s-key-file", prefix, prefix, prefix)})
		}
		return typed, err
	}
	r, _, err := t.Unlock(c.Context, s, p.options(c))
	if errors.Is(err, repo.ErrWrongSecret) {
		return nil, hint{fmt.Errorf("%s: %w", name, withoutLocation(err)), fmt.Sprintf("check --%s-password-file, --%s-password-command, --%s-key-file or the QSNAP_%s_ variables", prefix, prefix, prefix, strings.ToUpper(prefix))}
	}
	return r, p.explainUnlock(at, err)
}
