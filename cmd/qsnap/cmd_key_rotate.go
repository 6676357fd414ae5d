package main

import (
	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
)

func (p *program) keyRotate(c *cli.Context) error {
	at, err := p.repository(c)
	if err != nil {
		return err
	}
	r, secret, err := p.openKnowing(c, at)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	left, err := r.Keys().Rotate(c.Context, secret)
	if err != nil {
		return err
	}
	removed := 0
	if c.Bool("remove-others") {
		if removed, err = p.removeKeys(c, at, secret, left); err != nil {
			return err
		}
		left = nil
	}
	if p.json {
		return p.emit(report.NewKeyRotated(left, removed))
	}
	p.say("new objects are sealed with a new key; \"qsnap prune\" gradually seals existing ones with it")
	if removed > 0 {
		p.say("removed %s", term.Plural(removed, "other password or key", "other passwords and keys"))
	}
	for _, k := range left {
		p.say("key %s (%s of %s@%s, %s) opens older objects only: replace it with \"qsnap key remove %s\", then \"qsnap key add\"",
			k.ID[:8], k.Kind, k.Username, k.Hostname, term.LocalTime(k.Created), k.ID[:8])
	}
	p.say("Older recovery sheets don't open new objects: print a new one with \"qsnap key export\".")
	return nil
}

// removeKeys opens the repository again, with the new root key, and removes other keys. It
// returns how many.
func (p *program) removeKeys(c *cli.Context, at repoRef, secret repo.Secret, keys []repo.Key) (removed int, err error) {
	t, err := p.openTarget(c, at, false)
	if err != nil {
		return 0, p.explain(at, err)
	}
	r, err := repo.Open(c.Context, t, secret, p.options(c))
	if err != nil {
		return 0, p.explain(at, err)
	}
	defer p.close(c, r)
	for _, k := range keys {
		if err := r.Keys().Remove(c.Context, k.ID); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}
