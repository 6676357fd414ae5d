package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/snapshot/retention"
)

func (p *program) forgetCommand() *cli.Command {
	keep := func(name, usage string) cli.Flag {
		return &cli.IntFlag{Name: "keep-" + name, Usage: "keep the newest snapshot of each of the last `N` " + usage + " that have one; -1 keeps all"}
	}
	return p.command(&cli.Command{
		Name:      "forget",
		Usage:     "forget the snapshots that a policy does not keep, or those named",
		ArgsUsage: "[SNAPSHOT...]",
		Description: "The policy applies to each source, a host and its paths, by itself. \"qsnap undelete\"\n" +
			"brings forgotten snapshots back until \"qsnap prune\", or --prune, has deleted their\n" +
			"data. Pinned snapshots are never forgotten.\n\n" +
			"A slot is the time at which the run of a job was due, such as 14:00 for an hourly one.\n" +
			"What runs beside the schedule at 14:20 belongs to that slot, too. --keep-last counts\n" +
			"slots, and keeps of each the newest good snapshot, or else the newest: however many are\n" +
			"taken by hand, the last 72 hours stay. --keep-extra says how many others of these slots\n" +
			"stay. Snapshots without a slot are slots of their own. Two installations with one host\n" +
			"name have slots of their own each.",
		Flags: append(append(selectFlags(),
			&cli.StringFlag{Name: "installation", Usage: "select snapshots of the installation `ID`, of which several may have one host name"},
			&cli.IntFlag{Name: "keep-last", Usage: "keep the newest snapshot of each of the last `N` slots; a snapshot without one is a slot of its own; -1 keeps all"},
			&cli.IntFlag{Name: "keep-extra", Usage: "keep up to `N` other snapshots of the slots that --keep-last keeps; -1 keeps all", DefaultText: "as many as --keep-last"},
			keep("hourly", "hours"), keep("daily", "days"), keep("weekly", "weeks"), keep("monthly", "months"), keep("yearly", "years"),
			&cli.StringFlag{Name: "keep-within", Usage: "keep snapshots that are less than `SPAN` older than the newest, such as 3d, 12h or 1y6m"},
			&cli.StringSliceFlag{Name: "keep-tag", Usage: "keep snapshots with `TAG`; may be repeated"},
			&cli.StringFlag{Name: "group-by", Usage: "apply the policy to each group of snapshots with the same `FIELDS`: host, paths, profile, tags, joined by commas, or \"\" for a single group; host,profile makes a group of each profile, whatever its paths are", Value: "host,paths"},
			&cli.BoolFlag{Name: "allow-empty", Usage: "allow forgetting every snapshot of a group"},
			&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "print what would be done, but do nothing"},
			&cli.BoolFlag{Name: "prune", Usage: "prune afterwards: delete data that no snapshot needs"}), pruneFlags()...),
		Action: p.forget,
	})
}

func (p *program) forget(c *cli.Context) error {
	policy, err := parsePolicy(c)
	if err != nil {
		return err
	}
	group, err := retention.ParseGrouping(c.String("group-by"))
	if err != nil {
		return fmt.Errorf("--group-by: %w", err)
	}
	switch {
	case c.NArg() > 0 && !policy.IsZero():
		return errors.New("snapshots and --keep flags exclude each other: use only one of them")
	case c.NArg() == 0 && policy.IsZero():
		return hint{errors.New("no policy and no snapshot given"), "say what to keep, such as --keep-last 72, or name snapshots"}
	}
	po, err := p.pruneOptions(c)
	if err != nil {
		return err
	}
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	s, err := p.selection(c, r)
	if err != nil {
		return err
	}
	if id := c.String("installation"); id != "" {
		if s.Installation, err = snapshot.ParseInstallation(id); err != nil {
			return usage(fmt.Errorf("--installation: %w", err))
		}
	}
	if s.Profile != "" && !c.IsSet("group-by") {
		group = retention.Grouping{AnyPaths: true, Profile: true}
	}
	var forgotten []snapshot.ID
	if c.NArg() > 0 {
		forgotten, err = p.forgetNamed(c, r, s)
	} else {
		forgotten, err = p.forgetByPolicy(c, r, repo.RetainOptions{
			Policy: policy, Filter: s, Group: group, AllowEmpty: c.Bool("allow-empty"), DryRun: c.Bool("dry-run"),
		})
	}
	switch {
	case err != nil && !errors.Is(err, errPartial):
		return err
	case c.Bool("prune"):
		if po.DryRun {
			po.Without = forgotten
		}
		return errors.Join(err, p.pruneAll(c, r, po))
	case c.Bool("dry-run"):
		return err
	}
	return p.finish(c, r, err)
}

func parsePolicy(c *cli.Context) (retention.Policy, error) {
	within, err := retention.Span{}, error(nil)
	if s := c.String("keep-within"); s != "" {
		if within, err = retention.ParseSpan(s); err != nil {
			return retention.Policy{}, fmt.Errorf("--keep-within: %w", err)
		}
	}
	policy := retention.Policy{
		KeepLast: c.Int("keep-last"), KeepHourly: c.Int("keep-hourly"), KeepDaily: c.Int("keep-daily"),
		KeepWeekly: c.Int("keep-weekly"), KeepMonthly: c.Int("keep-monthly"), KeepYearly: c.Int("keep-yearly"),
		KeepWithin: within, KeepTags: c.StringSlice("keep-tag"),
	}
	if c.IsSet("keep-extra") {
		if policy.KeepLast == 0 {
			return policy, errors.New("--keep-extra keeps snapshots beside those of --keep-last: use both")
		}
		policy.KeepExtra = new(c.Int("keep-extra"))
	}
	return policy, policy.Validate()
}

// forgetNamed forgets the snapshots that the arguments name.
func (p *program) forgetNamed(c *cli.Context, r *repo.Repo, s repo.Filter) ([]snapshot.ID, error) {
	ids, names, unknown, err := p.toForget(c, r, s)
	if err != nil {
		return nil, err
	}
	if c.Bool("dry-run") {
		if len(names) > 0 {
			p.say("would forget %s", strings.Join(names, "; "))
		}
		return ids, unknown
	}
	if err := r.Forget(c.Context, ids); err != nil {
		if errors.Is(err, repo.ErrPinned) {
			return nil, hint{err, "use \"qsnap pin --remove\""}
		}
		if errors.Is(err, repo.ErrLocked) {
			return nil, hint{err, "the store refuses to delete what is locked; nothing was forgotten"}
		}
		return nil, err
	}
	if p.json {
		if err := p.emit(report.NewForgotten(ids)); err != nil {
			return ids, err
		}
	} else if len(names) > 0 {
		p.say("forgot %s", strings.Join(names, "; "))
	}
	return ids, unknown
}

// toForget returns the snapshots that the arguments name, each once. It skips snapshots that
// are already forgotten. It reports an argument that names no snapshot, and unknown is then
// errPartial.
func (p *program) toForget(c *cli.Context, r *repo.Repo, s repo.Filter) (ids []snapshot.ID, names []string, unknown, err error) {
	for _, word := range c.Args().Slice() {
		m, err := p.findOne(c, r, word, s)
		switch {
		case err == nil:
			if !slices.Contains(ids, m.ID) {
				ids, names = append(ids, m.ID), append(names, fmt.Sprintf("%s of %s, %s", m.ID.Short(), p.ofWhat(m.Source()), term.LocalTime(m.End)))
			}
			continue
		case !errors.Is(err, repo.ErrNoSnapshot) || errors.Is(err, repo.ErrDamaged):
			return nil, nil, nil, err
		}
		was, e := r.Catalog().WasForgotten(c.Context, word)
		if e != nil {
			return nil, nil, nil, e
		}
		if was {
			p.say("%s is already forgotten", word)
			continue
		}
		unknown = errPartial
		if p.json {
			if err := p.emit(report.NewError(err, "forget", word)); err != nil {
				return nil, nil, nil, err
			}
		} else {
			p.warn("%s", term.OneLine(err))
		}
	}
	return ids, names, unknown, nil
}

func (p *program) forgetByPolicy(c *cli.Context, r *repo.Repo, o repo.RetainOptions) ([]snapshot.ID, error) {
	groups, err := r.Retain(c.Context, o)
	if groups == nil && err != nil {
		return nil, err
	}
	kept, locked, gone := 0, 0, []snapshot.ID(nil)
	for _, g := range groups {
		locked += g.Locked
		for _, d := range g.Decisions {
			if d.Keep {
				kept++
			} else {
				gone = append(gone, d.Manifest.ID)
			}
		}
	}
	if p.json {
		if err := p.emit(report.NewForgetGroups(groups, o.DryRun || err != nil)); err != nil {
			return nil, err
		}
	} else if !p.quiet && (o.DryRun || err != nil || len(gone) > 0) {
		p.showDecisions(groups)
	}
	if errors.Is(err, repo.ErrNoneKept) {
		return nil, hint{err, "nothing was forgotten; use --allow-empty to allow it"}
	}
	if err != nil {
		return nil, err
	}
	line := "forgot %s, kept %s"
	if o.DryRun {
		line = "would forget %s, keep %s"
	}
	p.say(line, term.Plural(len(gone), "snapshot", "snapshots"), term.Count(kept))
	if locked > 0 {
		p.say("  %s of these are kept only because the store has locked them: --dry-run shows until when", term.Count(locked))
	}
	return gone, nil
}

func (p *program) showDecisions(groups []repo.Retained) {
	for _, g := range groups {
		title := ""
		if g.Hostname != "" || g.Paths != nil {
			title = p.ofWhat(snapshot.Source{Hostname: g.Hostname, Paths: g.Paths})
		}
		if g.Profile != "" {
			title += " profile " + p.path(g.Profile)
		}
		if g.Kind != snapshot.KindSource {
			title += " (" + g.Kind.String() + ")"
		}
		if len(g.Tags) > 0 {
			title += " [" + strings.Join(g.Tags, ", ") + "]"
		}
		if title = strings.TrimSpace(title); title != "" {
			p.say("%s", title)
		}
		rows := [][]string{{"", "ID", "TIME", "KEPT FOR"}}
		for _, d := range g.Decisions {
			mark, why := "keep", strings.Join(d.Reasons, "; ")
			if !d.Keep {
				mark = "forget"
			}
			if state := stateOf(d.Manifest); state != "" {
				why = strings.TrimPrefix(why+"; "+p.path(state), "; ")
			}
			if d.Doubt != "" {
				why = strings.TrimPrefix(why+"; "+d.Doubt, "; ")
			}
			rows = append(rows, []string{mark, d.Manifest.ID.Short(), term.LocalTime(d.Manifest.End), why})
		}
		p.table(rows)
	}
}
