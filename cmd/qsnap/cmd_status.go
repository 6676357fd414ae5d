package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/job"
	"github.com/qsnap/qsnap/repo/report"
)

func (p *program) statusCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "status",
		Usage:     "show how the profiles stand: when the last good version ended, and what runs now",
		ArgsUsage: "[PROFILE...]",
		Description: "The repository of each profile is asked, because no scheduler knows what it has not done.\n" +
			"The exit code is 8 if the last good version of a profile ended too long ago or if there is\n" +
			"none, and 5 if a repository gives no answer within 30 seconds. So cron alone can watch:\n\n" +
			"    */15 * * * * qsnap status --quiet --notify",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "overdue", Usage: "call a profile overdue if its last good version ended longer than `TIME` ago, such as 2h", DefaultText: "what the profile says, or twice the interval of its schedule"},
			&cli.BoolFlag{Name: "notify", Usage: "run the on-overdue hooks of profiles that have become overdue, or no longer are"},
			&cli.BoolFlag{Name: "watch", Usage: "show it again every few seconds, until it is interrupted"},
		},
		Action: p.status,
	})
}

// watchInterval is how often the status is shown again.
const watchInterval = 2 * time.Second

// askInterval is how often the repositories are asked meanwhile.
const askInterval = time.Minute

func (p *program) status(c *cli.Context) error {
	o, unusable, err := p.lookOptions(c)
	if err != nil {
		return err
	}
	if text := c.String("overdue"); text != "" {
		d, ok := term.ParseSpan(text)
		if !ok || d == 0 {
			return usage(fmt.Errorf("--overdue: write a time such as 90m, 2h or 1d, not %q", text))
		}
		o.Overdue = d
	}
	p.opened = true
	if c.Bool("watch") {
		return p.watchStatus(c, o)
	}
	s, wrong := job.Status(c.Context, o)
	if s.Profiles == nil {
		return wrong
	}
	if err := p.showStatus(s); err != nil {
		return err
	}
	var untold error
	if c.Bool("notify") {
		if err := job.NotifyOverdue(c.Context, o, s); err != nil {
			o.Warn(err)
			untold = reported{err}
		}
	}
	return errors.Join(p.judgeStatus(wrong), untold, unusable)
}

// judgeStatus returns the error of a status. What a line of it says is not said again, unless
// the lines were not printed.
func (p *program) judgeStatus(wrong error) error {
	if wrong == nil {
		return nil
	}
	if p.json || p.quiet {
		return wrong
	}
	return reported{wrong}
}

// lookOptions returns which profiles are looked at: those that are named, or all. unusable
// says that some can't be: nobody watches over them.
func (p *program) lookOptions(c *cli.Context) (o job.LookOptions, unusable, err error) {
	list, err := p.profilesNamed(c, c.NArg() == 0 && c.String("profile") == "")
	if err != nil {
		return o, nil, err
	}
	for _, one := range list {
		if len(one.Sources) == 0 { // it was reported
			unusable = errors.Join(unusable, reported{usage(fmt.Errorf("profile %s can't be used", one.Name))})
			continue
		}
		o.Profiles = append(o.Profiles, one)
	}
	if len(o.Profiles) == 0 {
		return o, nil, unusable
	}
	warn := func(err error) {
		if p.json {
			p.emitBeside(report.NewError(err, "status", ""))
			return
		}
		p.warn("%s", term.OneLine(err))
	}
	o.Schemes, o.Getenv, o.Warn = p.schemes, p.getenv, warn
	return o, unusable, nil
}

// showStatus prints a line for each profile.
func (p *program) showStatus(s report.Status) error {
	if p.json {
		return p.emit(s)
	}
	for _, line := range p.statusLines(s, term.IsTerminal(p.stdout)) {
		p.say("%s", line)
	}
	return nil
}

// Colours of a terminal.
const (
	green, yellow, red, plainColour = "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[0m"
)

// statusLines returns a line for each profile, and one for each run that is under way.
func (p *program) statusLines(s report.Status, colours bool) (lines []string) {
	width := 0
	for _, one := range s.Profiles {
		width = max(width, len([]rune(one.Profile)))
	}
	for _, one := range s.Profiles {
		mark, colour := "✓", green
		switch one.State {
		case report.IsOverdue, report.IsUnreachable, report.IsFailing:
			mark, colour = "✗", red
		case report.IsGood:
		default:
			mark, colour = "!", yellow
		}
		line := fmt.Sprintf("%s %-*s  %s", mark, width, term.Printable(one.Profile), term.Printable(one.Summary))
		if !one.NextDue.IsZero() {
			line += "; next " + one.NextDue.Local().Format("15:04")
		}
		if colours {
			line = colour + mark + plainColour + strings.TrimPrefix(line, mark)
		}
		lines = append(lines, line)
		if one.Running != nil {
			lines = append(lines, "  "+runningLine(report.LiveRun{RunProgress: *one.Running, Dead: one.Dead}, s.Time))
		}
	}
	for _, l := range s.Others {
		lines = append(lines, "  "+l.Profile+": "+runningLine(l, s.Time))
	}
	return append(lines, waitingLines(s.Service)...)
}

// runningLine describes a run that is under way.
func runningLine(l report.LiveRun, now time.Time) string {
	if l.Dead {
		return fmt.Sprintf("run %s died in the step %s, %s after it had started: it was killed, or the machine went down", l.ID, l.Step, term.Clock(l.Updated.Sub(l.Started)))
	}
	line := fmt.Sprintf("running for %s in process %d: %s", term.Clock(now.Sub(l.Started)), l.PID, l.Step)
	if l.Total > 0 {
		line += fmt.Sprintf(" %.0f %%", 100*float64(min(l.Done, l.Total))/float64(l.Total))
	}
	if l.CPU > 0 || l.IO > 0 {
		line += fmt.Sprintf("; processors %.1f %%, disk %.1f %%", 100*l.CPU, 100*l.IO)
	}
	return line
}

// clearScreen clears a terminal and goes to its first line: whatever its width, nothing of
// what was shown before stays.
const clearScreen = "\x1b[H\x1b[2J"

// watchStatus shows the status again and again. The repositories are asked once a minute;
// in between, the records and the runs that are under way tell what is new.
func (p *program) watchStatus(c *cli.Context, o job.LookOptions) error {
	warned, warn := map[string]bool{}, o.Warn
	o.Warn = func(err error) {
		if !warned[err.Error()] {
			warn(err)
		}
		warned[err.Error()] = true
	}
	asked, wrong := time.Time{}, error(nil)
	var known report.Status
	for {
		o.Offline = time.Since(asked) < askInterval
		s, err := job.Status(c.Context, o)
		if s.Profiles == nil {
			return err
		}
		if !o.Offline {
			asked, known, wrong = time.Now(), s, err
		} else {
			s = keepAnswers(s, known)
		}
		if term.IsTerminal(p.stdout) {
			fmt.Fprint(p.stdout, clearScreen)
		}
		if err := p.showStatus(s); err != nil {
			return err
		}
		if !pause(c.Context, watchInterval) {
			return p.judgeStatus(wrong)
		}
	}
}

// keepAnswers gives a status from records what the repositories have answered before, unless
// the records know of a newer version.
func keepAnswers(s, known report.Status) report.Status {
	for i := range s.Profiles {
		now, before := &s.Profiles[i], known.Profiles[i]
		if now.LastGood.After(before.LastGood) {
			continue
		}
		running, dead, next := now.Running, now.Dead, now.NextDue
		*now = before
		now.Running, now.Dead, now.NextDue = running, dead, next
	}
	return s
}

// pause waits, and reports whether the context still goes on.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
