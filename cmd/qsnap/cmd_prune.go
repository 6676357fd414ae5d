package main

import (
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
	o := repo.PruneOptions{Budget: c.Duration("time-budget"), Wait: c.Duration("wait"), DryRun: c.Bool("dry-run"), DropPending: c.StringSlice("drop-pending"),
		AllowNoSnapshots: c.Bool("allow-no-snapshots")}
	var err error
	if o.MaxUnused, err = parseUnused(c.String("max-unused")); err != nil {
		return o, err
	}
	if s := c.String("max-repack-size"); s != "" {
		if o.MaxRepack, err = term.ParseSize(s); err != nil {
			return o, fmt.Errorf("--max-repack-size: %w", err)
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

func (p *program) runPrune(c *cli.Context, r *repo.Repo, o repo.PruneOptions) error {
	v := p.newView()
	o.Progress = func(u repo.Progress) {
		if v.Due() {
			what := string(u.Phase)
			if u.Total > 0 {
				what = fmt.Sprintf("%s: %s of %s", u.Phase, term.Count(u.Done), term.Count(u.Total))
			}
			v.Show(0, 0, u.Elapsed, what, "")
		}
	}
	start := time.Now()
	result, err := r.Prune(c.Context, o)
	v.Clear()
	if errors.Is(err, repo.ErrUnreadable) {
		return hint{err, "\"qsnap check --read-data\" names the damage, \"qsnap repair --help\" says what to do"}
	}
	if errors.Is(err, repo.ErrWouldDeleteAll) {
		return hint{err, "if snapshots are missing, find out why (\"qsnap undelete\" lists forgotten ones); to delete everything, use --allow-no-snapshots"}
	}
	if err != nil && (result == nil || !errors.Is(err, repo.ErrDamaged)) {
		return err
	}
	if err := p.pruneSummary(result, o.DryRun, time.Since(start)); err != nil || result.Left == nil {
		return err
	}
	return reported{err} // the summary has named what was left alone
}

func (p *program) pruneSummary(r *repo.PruneReport, dryRun bool, took time.Duration) error {
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
func (p *program) freedLine(r *repo.PruneReport, dryRun bool, took time.Duration) {
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
func (p *program) sayLocked(r *repo.PruneReport) {
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
func (p *program) sayStale(r *repo.PruneReport) {
	for _, m := range r.Stale {
		p.warn("snapshot %s of %s, %s, was interrupted before it was saved: if its run has certainly ended, \"qsnap prune --drop-pending %s\" gives it up",
			m.ID.Short(), m.Hostname, term.LocalTime(m.End), m.ID.Short())
	}
}
