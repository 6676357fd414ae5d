package main

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/job/calendar"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

func (p *program) scheduleCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:  "schedule",
		Usage: "show when profiles run, and let systemd, cron or another scheduler run them",
		Subcommands: []*cli.Command{
			p.command(&cli.Command{
				Name:      "show",
				Usage:     "print the next slots of a profile, or what a scheduler has for it",
				ArgsUsage: "[PROFILE...]",
				Description: "A slot is a time at which a run is due. The levels are those of a schedule of which no\n" +
					"run is missed. --every and --expr try out a schedule that no profile has.",
				Flags: append(schedulerFlags("print what", "has"),
					&cli.StringFlag{Name: "every", Usage: "show the slots of an interval of `TIME`, such as 1h"},
					&cli.StringFlag{Name: "expr", Usage: "show the slots of a cron `EXPRESSION` of five fields"},
					&cli.StringFlag{Name: "zone", Usage: "use the time zone `NAME`, such as Europe/Berlin, for --expr", DefaultText: "that of this host"},
					&cli.StringFlag{Name: "from", Usage: "show the slots from `TIME` on, such as \"2026-03-29 01:00\"", DefaultText: "now"},
					&cli.IntFlag{Name: "next", Usage: "show `N` slots", Value: 10}),
				Action: p.scheduleShow,
			}),
			p.scheduleInstallCommand(),
			p.scheduleRemoveCommand(),
		},
	})
}

// A plan is a schedule, and what belongs to it.
type plan struct {
	profile string // or empty
	due     calendar.Schedule
	levels  calendar.Levels
	jitter  time.Duration
	paused  bool
}

// planOf returns the schedule of a profile.
func (p *program) planOf(one profile.Profile) (plan, error) {
	due, err := one.Schedule.Due()
	if err != nil {
		return plan{}, err
	}
	levels, err := one.Schedule.Levels()
	jitter := one.Schedule.After(due, one.Hostname(p.getenv, p.thisHost()), one.Name)
	return plan{one.Name, due, levels, jitter, one.Paused}, err
}

// planOfFlags returns the schedule that --every or --expr gives, if one of them is there.
func planOfFlags(c *cli.Context) (s plan, given bool, err error) {
	every, expr, zone := c.String("every"), c.String("expr"), time.Local
	if name := c.String("zone"); name != "" {
		if expr == "" {
			return s, false, errors.New("--zone is for --expr: an interval counts in UTC")
		}
		if zone, err = time.LoadLocation(name); err != nil {
			return s, false, fmt.Errorf("--zone %q: write a name such as Europe/Berlin or Asia/Shanghai", name)
		}
	}
	switch {
	case every != "" && expr != "":
		return s, false, errors.New("--every and --expr exclude each other")
	case expr != "":
		s.due, err = calendar.Cron(expr, zone)
		return s, true, err
	case every != "":
		d, ok := term.ParseSpan(every)
		if !ok {
			return s, false, fmt.Errorf("--every %q: write a time such as 30m, 1h or 2d", every)
		}
		s.due, err = calendar.Every(d)
		return s, true, err
	}
	return s, false, nil
}

func (p *program) scheduleShow(c *cli.Context) error {
	if of, err := schedulerOf(c); err != nil || of != "" {
		if err == nil {
			err = p.showInstalled(c, of)
		}
		return err
	}
	if c.Int("next") < 1 {
		return usage(errors.New("--next: write a number that is at least 1"))
	}
	s, given, err := planOfFlags(c)
	if err != nil {
		return usage(err)
	}
	plans := []plan{s}
	if given && (c.NArg() > 0 || c.String("profile") != "") {
		return usage(errors.New("--every and --expr exclude the name of a profile"))
	}
	if !given {
		plans = nil
		profiles, err := p.profilesNamed(c, c.NArg() == 0 && c.String("profile") == "")
		if err != nil {
			return err
		}
		for _, one := range profiles {
			s, err := p.planOf(one)
			if err != nil {
				return usage(err)
			}
			plans = append(plans, s)
		}
	}
	for i, s := range plans {
		if i > 0 {
			p.say("")
		}
		if err := p.showSlots(c, s); err != nil {
			return err
		}
	}
	return nil
}

// showSlots prints the next slots of a schedule.
func (p *program) showSlots(c *cli.Context, s plan) error {
	zone := time.Local
	if s.due.Period() == 0 {
		zone = s.due.Zone()
	}
	from, err := fromFlag(c, zone, time.Now())
	if err != nil {
		return usage(err)
	}
	title := cmp.Or(s.due.String(), "no schedule: it runs when it is asked to")
	if s.profile != "" {
		title = s.profile + ": " + title
	}
	if s.paused {
		title += " (paused)"
	}
	p.say("%s", title)
	rows := [][]string{{"SLOT", "STARTS", "LEVEL"}}
	before := s.due.Slot(from.Add(-1))
	full, differential := before, before
	for slot := s.due.Next(from.Add(-1)); !slot.IsZero() && len(rows) <= c.Int("next"); slot = s.due.Next(slot) {
		level := s.levels.At(slot, full, differential)
		switch level {
		case snapshot.LevelFull:
			full = slot
		case snapshot.LevelDifferential:
			differential = slot
		}
		starts := slot.Add(s.jitter)
		if p.json {
			if err := p.emit(report.NewSlot(s.profile, slot, starts, level.String())); err != nil {
				return err
			}
		}
		rows = append(rows, []string{slot.In(zone).Format("Mon 2006-01-02 15:04:05 -07:00"), starts.In(zone).Format("15:04:05"), level.String()})
	}
	if !p.json && len(rows) > 1 {
		p.table(rows)
	}
	return nil
}

// fromFlag returns the time that --from gives, by the clock of a time zone.
func fromFlag(c *cli.Context, zone *time.Location, now time.Time) (time.Time, error) {
	text := c.String("from")
	if text == "" {
		return now, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02 15:04:05"} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	return now, fmt.Errorf("--from %q: write it as 2026-03-29, \"2026-03-29 14:30\" or 2026-03-29T14:30:00+02:00", text)
}
