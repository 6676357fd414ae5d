package main

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/history"
	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/report"
)

func (p *program) historyCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:  "history",
		Usage: "list the runs of this host's profiles, the newest last",
		Description: "Each run has a record in the state directory, at most 10,000 of a profile and two years\n" +
			"old. A record that is damaged is named and left out. --profile lists the runs of one.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "since", Usage: "list only what has started since `TIME`, such as 7d, 12h or 2026-03-29"},
			&cli.IntFlag{Name: "last", Usage: "list only the newest `N` runs", Value: 50},
		},
		Action: p.history,
	})
}

func (p *program) history(c *cli.Context) error {
	if c.NArg() > 0 {
		return usage(hint{errors.New("history takes no arguments"), "name a profile with -p"})
	}
	since, err := sinceFlag(c, time.Now())
	if err != nil {
		return err
	}
	d, err := p.stateDir()
	if err != nil {
		return err
	}
	f := history.Filter{Profile: c.String("profile"), Since: since, Last: c.Int("last")}
	if !since.IsZero() && !c.IsSet("last") {
		f.Last = 0
	}
	if f.Last < 0 {
		return errors.New("--last: write a number that is not negative")
	}
	runs, _ := p.records(history.Open(d), f)
	if p.json {
		for _, r := range runs {
			if err := p.emit(r); err != nil {
				return err
			}
		}
		return nil
	}
	if len(runs) == 0 {
		p.say("there are no runs%s", map[bool]string{true: " that these flags select"}[c.NumFlags() > 0 || c.String("profile") != ""])
		return nil
	}
	rows := [][]string{{"STARTED", "TOOK", "PROFILE", "SLOT", "LEVEL", "OUTCOME", "FILES", "READ", "NEW", "STORED"}}
	for _, r := range runs {
		rows = append(rows, p.historyRow(r))
	}
	p.table(rows)
	return nil
}

// historyRow returns the line of a run: its numbers, and then what went wrong.
func (p *program) historyRow(r report.Run) []string {
	slot := "-"
	if !r.Slot.IsZero() {
		slot = r.Slot.Local().Format("01-02 15:04")
	}
	what := cmp.Or(r.Level, string(r.Op), "-")
	row := []string{term.LocalTime(r.Started), term.Clock(r.Ended.Sub(r.Started)), p.path(cmp.Or(r.Profile, "-")), slot, what, outcomeWord(r)}
	if s := r.Snapshot; s != nil {
		row = append(row, term.Count(s.Files), term.Size(s.Read), term.Size(s.New), term.Size(s.Stored))
	} else {
		row = append(row, "-", "-", "-", "-")
	}
	if why := cmp.Or(r.Message, r.Skipped); why != "" {
		row = append(row, term.Printable(strings.Join(strings.Fields(why), " ")))
	}
	return row
}

// outcomeWord is how a run ended.
func outcomeWord(r report.Run) string {
	switch {
	case r.Skipped != "":
		return "skipped"
	case r.Kind != "":
		return string(r.Kind)
	}
	return "done"
}
