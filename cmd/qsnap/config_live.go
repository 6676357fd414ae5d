package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/control/client"
	"github.com/qsnap/qsnap/internal/state"
	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/job"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/repo/report"
)

// configLive tries whether profiles work on this machine.
func (p *program) configLive(c *cli.Context) error {
	all, err := p.profilesNamed(c, false)
	if err != nil {
		return err
	}
	p.opened = true
	var failed error
	for _, one := range all {
		err := job.CheckLive(c.Context, job.Options{
			Profile: one, Schemes: p.schemes, Getenv: p.getenv, Warn: func(err error) { p.warn("%s", term.OneLine(err)) },
		}, p.showLive)
		if c.Context.Err() != nil {
			return err
		}
		p.showLive(p.liveSchedule(c, one))
		if err != nil {
			failed = errors.Join(failed, reported{err})
			p.warn("profile %s does not work here yet: see what failed above", one.Name)
		}
	}
	return failed
}

// liveMarks are what a line begins with, for people.
var liveMarks = map[report.LiveState]string{report.LiveOK: "ok", report.LiveWarning: "look", report.LiveFailed: "FAILED", report.LiveSkipped: "-"}

// showLive prints one check.
func (p *program) showLive(l report.LiveCheck) {
	if p.json {
		_ = p.emit(l)
		return
	}
	if p.quiet && l.State != report.LiveFailed {
		return
	}
	fmt.Fprintf(p.stdout, "%-6s  %s: %s\n", liveMarks[l.State], l.Name, term.Printable(l.Message))
}

// liveSchedule finds out who starts the runs of a profile.
func (p *program) liveSchedule(c *cli.Context, one profile.Profile) report.LiveCheck {
	line := func(s report.LiveState, format string, args ...any) report.LiveCheck {
		return report.NewLiveCheck(one.Name, "schedule", s, fmt.Sprintf(format, args...))
	}
	due, err := one.Schedule.Due()
	switch {
	case err != nil:
		return line(report.LiveFailed, "%s", term.OneLine(err))
	case due.IsZero():
		return line(report.LiveWarning, "the profile has none: it runs only when it is asked to")
	case one.Paused:
		return line(report.LiveWarning, "the profile is paused: \"qsnap profile set %s paused=false\" lets it run", one.Name)
	}
	if dir, err := state.Default(p.getenv); err == nil {
		s, err := client.New(dir).Status(c.Context)
		if err == nil && slices.ContainsFunc(s.Profiles, func(q report.ServiceProfile) bool { return q.Name == one.Name }) {
			return line(report.LiveOK, "qsnapd runs it")
		}
	}
	for _, name := range schedulerNames {
		of, err := p.scheduler(name, ofUser(c))
		if err != nil {
			continue
		}
		if s, err := of.installed(c.Context, one.Name); err == nil && s.Text != "" {
			return line(report.LiveOK, "%s runs it", name)
		}
	}
	return line(report.LiveWarning, "nobody runs it yet: \"qsnap schedule install %s\", or start qsnapd", one.Name)
}

// noteExport remembers that a recovery sheet was printed. It is no failure if that can't be.
func (p *program) noteExport(repository string) {
	_ = job.Host{Getenv: p.getenv}.KeyExported(repository)
}
