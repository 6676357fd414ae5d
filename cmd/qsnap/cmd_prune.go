package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

func pruneFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "max-unused", Usage: "leave unused data in packs up to `PART` of the used data, such as 5%, 0 or unlimited", Value: "3%"},
		&cli.StringFlag{Name: "max-repack-size", Usage: "repack at most `SIZE` of data, such as 2G"},
		&cli.DurationFlag{Name: "time-budget", Usage: "stop repacking after `TIME`, such as 10m"},
		&cli.StringSliceFlag{Name: "drop-pending", Usage: "give up the interrupted snapshot `ID`, on a target that replaces objects, where prune cannot decide that; may be repeated"},
		&cli.BoolFlag{Name: "allow-no-snapshots", Usage: "allow deleting all data if there are no snapshots"},
		&cli.DurationFlag{Name: "wait", Usage: "wait up to `TIME` for runs that may rely on packs to be deleted"},
	}
}

func (p *program) pruneCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:  "prune",
		Usage: "delete data that no snapshot needs",
		Description: "A prune may run beside any other command, and may be interrupted at any time. Packs that\n" +
			"other runs may rely on go into quarantine; the next prune after these runs have ended\n" +
			"deletes them.",
		Flags: append(pruneFlags(), &cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "print what would be done, but do nothing"}),
		Action: func(c *cli.Context) error {
			o, err := p.pruneOptions(c)
			if err != nil {
				return err
			}
			r, err := p.open(c)
			if err != nil {
				return err
			}
			defer p.close(c, r)
			return p.pruneAll(c, r, o)
		},
	})
}

func (p *program) pruneOptions(c *cli.Context) (repo.PruneOptions, error) {
	o := repo.PruneOptions{Wait: c.Duration("wait"), DryRun: c.Bool("dry-run"), AllowNoSnapshots: c.Bool("allow-no-snapshots")}
	if budget := c.Duration("time-budget"); budget > 0 {
		o.Budget = &budget
	}
	var err error
	if o.MaxUnused, err = parseUnused(c.String("max-unused")); err != nil {
		return o, err
	}
	if s := c.String("max-repack-size"); s != "" {
		size, err := term.ParseSize(s)
		if err != nil {
			return o, fmt.Errorf("--max-repack-size: %w", err)
		}
		if size > 0 {
			o.MaxRepack = &size
		}
	}
	return o, nil
}

func parseUnused(s string) (*float64, error) {
	if s == "unlimited" {
		return new(math.Inf(1)), nil
	}
	number, percent := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || v < 0 || !percent && v != 0 || v > 1e6 {
		return nil, fmt.Errorf("--max-unused %q: want a percentage such as 5%%, 0 or unlimited", s)
	}
	return new(v / 100), nil
}

// prunePhases are the texts of phases that their names don't explain.
var prunePhases = map[repo.Phase]string{
	repo.PhaseWait: "waiting for others", repo.PhaseRepack: "moving what is needed", repo.PhaseDelete: "deleting",
}

func (p *program) runPrune(c *cli.Context, r *repo.Repo, o repo.PruneOptions) error {
	v := p.newView()
	o.Progress = func(u repo.Progress) {
		if v.Due() {
			what := cmp.Or(prunePhases[u.Phase], string(u.Phase))
			if u.Total > 0 {
				what = fmt.Sprintf("%s: %s of %s", what, term.Count(u.Done), term.Count(u.Total))
			}
			v.Show(0, 0, u.Elapsed, what, "")
		}
	}
	start := time.Now()
	var err error
	if !o.DryRun {
		if o.DropPending, err = pendingNamed(c.Context, r, c.StringSlice("drop-pending")); err != nil {
			return err
		}
	}
	result, err := r.Prune(c.Context, o)
	v.Clear()
	if errors.Is(err, repo.ErrUnreadable) {
		return hint{err, "\"qsnap check --read-data\" names the damage, \"qsnap repair --help\" says what to do"}
	}
	if errors.Is(err, repo.ErrWouldDeleteAll) {
		return hint{err, "if snapshots are missing, find out why (\"qsnap undelete\" lists forgotten ones); to delete everything, use --allow-no-snapshots"}
	}
	leftAlone := len(result.Left) > 0 && errors.Is(err, result.Left[0])
	if err != nil && !leftAlone {
		return err
	}
	if e := p.pruneSummary(result, o.DryRun, time.Since(start)); e != nil || !leftAlone {
		return e
	}
	return reported{err} // the summary has named what was left alone
}

// pendingNamed returns the pending manifests whose ids begin with what a person has named.
func pendingNamed(ctx context.Context, r *repo.Repo, prefixes []string) (named []snapshot.ID, err error) {
	if len(prefixes) == 0 {
		return nil, nil
	}
	pending, err := r.Maintenance().Pending(ctx)
	if err != nil {
		return nil, err
	}
	for _, prefix := range prefixes {
		found := false
		for _, id := range pending {
			if prefix != "" && strings.HasPrefix(id.String(), prefix) {
				found = true
				named = append(named, id)
			}
		}
		if !found {
			return nil, fmt.Errorf("%w: %q is not the beginning of a pending manifest's id", repo.ErrNoSnapshot, prefix)
		}
	}
	return named, nil
}

func (p *program) pruneSummary(r repo.PruneReport, dryRun bool, took time.Duration) error {
	if p.json {
		return p.emit(report.NewPruneSummary(r, took, dryRun))
	}
	p.freedLine(r, dryRun, took)
	if r.UnusedBytes > 0 {
		p.say("  %s remain unused in packs that are still needed", term.Size(uint64(r.UnusedBytes)))
	}
	if r.WaitingPacks > 0 {
		p.say("  %s of %s wait for other runs; the next prune after these have ended deletes them:", term.Plural(r.WaitingPacks, "pack", "packs"), term.Size(uint64(r.WaitingBytes)))
		for _, w := range r.Waiting {
			p.say("    %s by %s@%s, started %s (considered dead after %s)", w.What, w.Username, w.Hostname, term.LocalTime(w.Begun), term.LocalTime(w.DeadBy))
		}
	}
	p.sayLocked(r)
	p.sayStale(r)
	for _, err := range r.Left {
		p.warn("%v: left alone; \"qsnap repair packs\" salvages what can be read", err)
	}
	return nil
}

// freedLine prints what a prune has deleted, or would delete.
func (p *program) freedLine(r repo.PruneReport, dryRun bool, took time.Duration) {
	all := fmt.Sprintf("%s of %s", term.Plural(r.Packs, "pack", "packs"), term.Size(uint64(r.PackBytes)))
	if r.Removed == 0 {
		p.say("nothing to delete in %s", all)
		return
	}
	line := "freed about %s in " + term.Duration(took) + ": deleted %s of %s"
	if dryRun {
		line = "would free about %s: delete %s of %s"
	}
	freed, deleted := max(0, r.RemovedBytes-r.RepackedBytes), term.Plural(r.Removed, "pack", "packs")+" ("+term.Size(uint64(r.RemovedBytes))+")"
	line = fmt.Sprintf(line, term.Size(uint64(freed)), deleted, all)
	if r.RepackedBytes > 0 {
		line += fmt.Sprintf(", after repacking %s that are needed", term.Size(uint64(r.RepackedBytes)))
	}
	p.say("%s", line)
	if dryRun {
		p.say("  it would cost %s", costLine(r.Cost))
	}
}

// sayLocked reports packs that prune can't delete yet because the store has locked them.
func (p *program) sayLocked(r repo.PruneReport) {
	if r.LockedPacks == 0 {
		return
	}
	when := "until " + term.LocalTime(r.LockedFirst)
	if r.LockedLast.Sub(r.LockedFirst) >= time.Second {
		when = fmt.Sprintf("the first of them until %s, the last until %s", term.LocalTime(r.LockedFirst), term.LocalTime(r.LockedLast))
	}
	p.say("  %s of %s are no longer needed but locked, %s; the next prune after that deletes them", term.Plural(r.LockedPacks, "pack", "packs"), term.Size(uint64(r.LockedBytes)), when)
}

// sayStale reports pending manifests that only the user may give up.
func (p *program) sayStale(r repo.PruneReport) {
	for _, m := range r.Stale {
		p.warn("snapshot %s of %s, %s, was interrupted before it was saved: if its run has certainly ended, \"qsnap prune --drop-pending %s\" gives it up",
			m.ID.Short(), m.Hostname, term.LocalTime(m.End), m.ID.Short())
	}
}
