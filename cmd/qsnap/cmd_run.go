package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/job"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

func (p *program) runCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "run",
		Usage:     "run a profile: take a version, forget old ones, prune, verify and copy",
		ArgsUsage: "PROFILE...",
		Description: "A run does what the profile says: hooks before, a snapshot, hooks after, retention and\n" +
			"prune, the day's slice of verification, replicas and copies, and hooks at the end. It is\n" +
			"what cron, a timer, CI or a git hook calls. Only one run of a profile is under way at a\n" +
			"time. A run never makes a repository: \"qsnap init -p PROFILE\" does.\n\n" +
			"An incremental version reads what has changed since the newest one, a differential one what\n" +
			"has changed since the last full one, and a full one everything: it also verifies the stored\n" +
			"data that it reuses. Each restores alone.\n\n" +
			"With --scheduled, one run is made for each slot of the schedule, whoever asks for it how\n" +
			"often. The exit code of several profiles is that of the worst.\n\n" +
			"A hook gets the record of the run as JSON on standard input, and QSNAP_PROFILE, QSNAP_STEP,\n" +
			"QSNAP_RUN, QSNAP_LEVEL, QSNAP_SNAPSHOT, QSNAP_EXIT and QSNAP_MESSAGE in its environment,\n" +
			"but no password of qsnap's. It has ended when its process has ended. A program that a hook\n" +
			"leaves running needs an output of its own. The hooks after a snapshot run even if the run\n" +
			"was killed: the next run, or qsnapd when it starts, runs them first.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: "run all profiles that are not paused, those with the highest priority first"},
			&cli.BoolFlag{Name: "scheduled", Usage: "do nothing if the slot of the schedule is done, or if the profile is paused"},
			&cli.StringFlag{Name: "level", Usage: "take a version of `LEVEL`: full, differential or incremental", DefaultText: "what the schedule asks for"},
			&cli.DurationFlag{Name: "skip-if-younger", Usage: "do nothing if the last good version is younger than `TIME`, such as 50m"},
			&cli.BoolFlag{Name: "wait", Usage: "wait for a run of the profile that is under way"},
			&cli.BoolFlag{Name: "no-limit", Usage: "take what there is of the machine, whatever the profile's limits"},
			&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "print what would be done, but do nothing, and run no hooks"},
		},
		Action: p.runProfiles,
	})
}

func (p *program) runProfiles(c *cli.Context) error {
	o := job.Options{
		Scheduled: c.Bool("scheduled"), SkipIfYounger: c.Duration("skip-if-younger"), Wait: c.Bool("wait"), DryRun: c.Bool("dry-run"),
		NoLimit: c.Bool("no-limit"), Process: new(job.Process), Schemes: p.schemes, Getenv: p.getenv,
	}
	if name := c.String("level"); name != "" {
		level, err := snapshot.ParseLevel(name)
		if err != nil {
			return fmt.Errorf("--level: %w", err)
		}
		o.Level = &level
	}
	all, err := p.profilesNamed(c, c.Bool("all"))
	if err != nil {
		return err
	}
	if c.Bool("all") {
		slices.SortStableFunc(all, func(a, b profile.Profile) int { return cmp.Compare(b.Priority, a.Priority) })
	}
	p.opened = true         // from here on, an unknown error is a failure
	endsBySignal(c.Context) // an interrupted run still runs the hooks that it owes
	var failed error
	for _, one := range all {
		switch {
		case c.Context.Err() != nil:
			return errors.Join(failed, errInterrupted)
		case len(one.Sources) == 0: // it was reported
			failed = errors.Join(failed, reported{judged{fmt.Errorf("profile %s can't be used", one.Name), errFailed}})
			continue
		case c.Bool("all") && one.Paused:
			p.say("%s: skipped: the profile is paused", one.Name)
			continue
		}
		o.Profile = one
		err := p.runOne(c, o)
		if err != nil && len(all) > 1 {
			err = ofProfile{err, one.Name}
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// An ofProfile error names the profile whose run failed.
type ofProfile struct {
	error
	name string
}

// Error returns one line.
func (o ofProfile) Error() string { return o.name + ": " + term.OneLine(o.error) }

// Unwrap returns the error without the name.
func (o ofProfile) Unwrap() error { return o.error }

// Adorns returns the error: a name changes no outcome.
func (o ofProfile) Adorns() error { return o.error }

// runOne runs a profile and prints what became of it.
func (p *program) runOne(c *cli.Context, o job.Options) error {
	v := p.newView()
	var shown time.Time
	o.Progress = func(u report.RunProgress) {
		if p.json {
			if now := u.Updated; !p.quiet && now.Sub(shown) > jsonInterval {
				shown = now
				_ = p.emit(u)
			}
			return
		}
		if v.Due() {
			v.Show(u.Done, u.Total, u.Updated.Sub(u.Started), runLine(u), u.Current)
		}
	}
	o.Warn = func(err error) {
		v.Clear()
		if p.json {
			_ = p.emit(report.NewError(err, "run", o.Profile.Name))
			return
		}
		p.warn("%s: %s", o.Profile.Name, term.OneLine(err))
	}
	r, err := job.Run(c.Context, o)
	v.Clear()
	if r.ID == "" { // it has not begun
		return err
	}
	if p.json {
		return errors.Join(err, p.emit(r))
	}
	p.runSummary(r, o.DryRun)
	return err
}

// runLine returns how far a run has come, for the line on a terminal.
func runLine(u report.RunProgress) string {
	line := u.Profile + ": " + u.Step
	switch {
	case u.Unit == "bytes" && u.Total > 0:
		line += fmt.Sprintf(": %s of %s", term.Size(u.Done), term.Size(u.Total))
	case u.Unit == "bytes" && u.Done > 0:
		line += ": " + term.Size(u.Done)
	case u.Total > 0:
		line += fmt.Sprintf(": %s: %s of %s", u.Phase, term.Count(u.Done), term.Count(u.Total))
	}
	return line
}

// runSummary prints what a run did, in lines that say most first.
func (p *program) runSummary(r report.Run, dryRun bool) {
	if r.Skipped != "" {
		p.say("%s: skipped: %s", r.Profile, r.Skipped)
		return
	}
	took := term.Duration(r.Ended.Sub(r.Started))
	if r.Ended.IsZero() { // it has not begun: another one is under way
		return
	}
	switch t := r.Snapshot; {
	case t == nil:
		p.say("%s: no version was made, after %s", r.Profile, took)
	case dryRun:
		p.say("%s: would take %s version of %s, %s", r.Profile, aLevel(r.Level), term.Plural(t.Files, "file", "files"), term.Size(t.Bytes))
	default:
		p.say("%s: version %s: %s, in %s", r.Profile, t.ID.Short(), howGood(*t), took)
	}
	if t := r.Snapshot; t != nil {
		p.say("  %s, %s; %s; read %s; new %s, stored in %s", term.Plural(t.Files, "file", "files"), term.Size(t.Bytes), r.Level, term.Size(t.Read), term.Size(t.New), term.Size(t.Stored))
		if t.Verified > 0 {
			p.say("  verified %s of what was there, and repaired %s of it", term.Size(t.Verified), term.Size(t.Healed))
		}
	}
	p.upkeepSummary(r, dryRun)
	for _, s := range r.Steps {
		if s.Code != exit.OK && s.Output != "" {
			p.say("  what the hook %s printed:\n%s", s.Name, s.Output)
		}
	}
	if c := r.Cost; c != nil {
		p.say("  cost: %s of the processors, %s of the disk, %s of memory; %s of processor time", part(c.CPU), part(c.IO), term.Size(int64(c.Memory.Max)), term.Duration(time.Duration(c.Seconds*float64(time.Second))))
		if h := c.Hour; h != nil {
			p.say("  all runs of the last hour: %.2f %% of the processors, %.2f %% of the disk", 100*h.CPU, 100*h.IO)
		}
	}
}

// verifiedWhat names what was verified.
func verifiedWhat(v report.RunProof) string {
	what := "slice " + v.Slice
	switch {
	case v.Slice == "":
		what = "everything but the data of files"
	case strings.HasPrefix(v.Slice, "replicas"):
		what = v.Slice
	}
	if v.Depth == 0 {
		return what
	}
	return fmt.Sprintf("%s to depth %d", what, v.Depth)
}

// aLevel returns a level with its article.
func aLevel(level string) string {
	if level == snapshot.LevelIncremental.String() {
		return "an " + level
	}
	return "a " + level
}

// part returns how much of something was used, and the budget.
func part(u report.Use) string {
	text := fmt.Sprintf("%.1f %%", 100*u.Mean)
	if u.Budget > 0 {
		text += fmt.Sprintf(" (at most %.1f %%, budget %.0f %%)", 100*u.Max, 100*u.Budget)
	}
	return text
}

// howGood returns what a version lacks.
func howGood(t report.RunTaken) string {
	switch {
	case len(t.Missing) > 0:
		return "incomplete: " + term.Printable(t.Missing[0]) + " is missing" + map[bool]string{true: fmt.Sprintf(" and %d more", len(t.Missing)-1)}[len(t.Missing) > 1]
	case !t.Good:
		return "incomplete: " + term.Count(t.Unread) + " unread"
	case t.Unread > 0:
		return "good, " + term.Count(t.Unread) + " unread"
	}
	return "good"
}

// upkeepSummary prints what became of older versions, of the data, and of copies.
func (p *program) upkeepSummary(r report.Run, dryRun bool) {
	kept, freed := "kept %s in %s, forgot %s", "  freed %s, of which %s were stored again"
	if dryRun {
		kept, freed = "would keep %s in %s, and forget %s", "  would free %s, of which %s would be stored again"
	}
	if k := r.Retained; k != nil {
		slots := term.Plural(k.Slots, "slot", "slots")
		if k.Wanted > 0 {
			slots += " of " + term.Count(k.Wanted)
		}
		p.say("  "+kept, term.Plural(k.Kept, "version", "versions"), slots, term.Count(k.Forgotten))
	}
	if f := r.Pruned; f != nil && f.Deleted > 0 {
		p.say(freed, term.Size(f.Deleted), term.Size(f.Repacked))
	}
	if v := r.Verified; v != nil {
		found := "no damage"
		if v.Findings > 0 {
			found = term.Plural(v.Findings, "object is", "objects are") + " damaged"
		}
		p.say("  verified %s: %s read, %s", verifiedWhat(*v), term.Size(v.Bytes), found)
	}
	for _, c := range r.Copies {
		what := term.Size(c.Bytes) + " sent"
		if c.Message != "" {
			what = "late: " + c.Message
		}
		p.say("  %s: %s", c.Location, what)
	}
}
