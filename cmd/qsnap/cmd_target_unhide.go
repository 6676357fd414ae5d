package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/target"
)

// targetUnhide brings back hidden objects.
func (p *program) targetUnhide(c *cli.Context) error {
	at, err := p.argumentOrRepository(c)
	if err != nil {
		return err
	}
	t, err := p.openTarget(c, at, false)
	if err != nil {
		return err
	}
	u, ok := target.As[target.VersionRestorer](t)
	if !ok {
		return fmt.Errorf("%s: the target has no object lock, so nothing is hidden there", at)
	}
	var names []string
	err = u.Hidden(c.Context, "", func(i target.Info) error { names = append(names, i.Name); return nil })
	if err != nil {
		return err
	}
	if !c.Bool("dry-run") {
		for _, name := range names {
			if err := u.RestoreHidden(c.Context, name); err != nil {
				return err
			}
		}
	}
	return p.showUnhidden(names, c.Bool("dry-run"))
}

// showUnhidden names the objects that are brought back, or would be.
func (p *program) showUnhidden(names []string, dryRun bool) error {
	if p.json {
		return p.emit(report.NewUnhidden(names, dryRun))
	}
	for _, name := range names {
		p.say("%s", name)
	}
	verb := "brought back"
	if dryRun {
		verb = "would bring back"
	}
	p.say("%s %s", verb, term.Plural(len(names), "object", "objects"))
	return nil
}
