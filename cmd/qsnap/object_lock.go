package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/target"
)

// objectLockFlag is as good as object-lock= in the repository's URL.
func objectLockFlag() cli.Flag {
	return &cli.StringFlag{Name: "object-lock", EnvVars: []string{"QSNAP_OBJECT_LOCK"},
		Usage: "have an s3:// repository keep each snapshot from being deleted by anyone for `PERIOD`, such as 30d: see \"qsnap target --help\""}
}

// tellUnsafe says what a repository's target can't do that others can.
func (p *program) tellUnsafe(err error) {
	if errors.Is(err, repo.ErrReplaces) {
		err = hint{err, "what an interrupted snapshot left pending stays until \"qsnap prune --drop-pending\", and two must not rotate the key at once"}
	}
	p.warn("warning: %s", term.OneLine(err))
}

// sayLocked tells of packs that prune has to leave for a while.
func (p *program) sayLocked(r *repo.PruneReport) {
	if r.LockedPacks == 0 {
		return
	}
	when := "until " + term.LocalTime(r.LockedFirst)
	if r.LockedLast.Sub(r.LockedFirst) >= time.Second {
		when = fmt.Sprintf("the first of them until %s, the last until %s", term.LocalTime(r.LockedFirst), term.LocalTime(r.LockedLast))
	}
	p.say("  %s of %s are needed no more but locked, %s: the next prune after that deletes them", term.Plural(r.LockedPacks, "pack", "packs"), term.Size(uint64(r.LockedBytes)), when)
}

// sayStale tells of pending manifests that only a person may give up.
func (p *program) sayStale(r *repo.PruneReport) {
	for _, m := range r.Stale {
		p.warn("%s of %s, begun %s, was interrupted when it was to be saved: if it has ended for sure, \"qsnap prune --drop-pending %s\" gives it up",
			m.ID.Short(), m.Hostname, term.LocalTime(m.End), m.ID.Short())
	}
}

// targetUnhide brings back what is hidden.
func (p *program) targetUnhide(c *cli.Context) error {
	at, err := p.argumentOrPlace(c)
	if err != nil {
		return err
	}
	t, err := p.openTarget(c, at, false)
	if err != nil {
		return err
	}
	u, ok := target.As[target.VersionRestorer](t)
	if !ok {
		return fmt.Errorf("%s: nothing can be locked there, so that nothing is hidden", at)
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
