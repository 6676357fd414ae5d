package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/control/client"
	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/report"
)

func (p *program) queueCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:  "queue",
		Usage: "list what the service runs, and what waits, where and why",
		Description: "RUN is the id of a run, or the profile of which only one run waits. A slot that is dropped\n" +
			"gets no run.",
		Action: p.queue,
		Subcommands: []*cli.Command{
			p.command(&cli.Command{
				Name: "move", Usage: "give a run that waits another place in the queue", ArgsUsage: "RUN",
				Flags: []cli.Flag{
					&cli.BoolFlag{Name: "first", Usage: "put it before all others"},
					&cli.IntFlag{Name: "priority", Usage: "give it priority `N`, from 1 to 9"},
				},
				Action: p.queueMove,
			}),
			p.command(&cli.Command{
				Name: "drop", Usage: "remove a run from the queue", ArgsUsage: "RUN",
				Action: p.serviceVerb("run", func(c *cli.Context, s *client.Client, name string) (string, error) {
					return fmt.Sprintf("%s was dropped", name), s.Drop(c.Context, name)
				}),
			}),
		},
	})
}

func (p *program) queue(c *cli.Context) error {
	if c.NArg() > 0 {
		return usage(fmt.Errorf("queue %s: queue has only the commands move and drop", c.Args().First()))
	}
	client, err := p.service(c)
	if err != nil {
		return err
	}
	s, err := client.Status(c.Context)
	if err != nil {
		return failed(err)
	}
	if p.json {
		return p.emit(s)
	}
	if s.Paused {
		p.say("scheduled runs are paused: \"qsnap resume\" lets them start")
	}
	for _, profile := range s.Profiles {
		if profile.Paused && !s.Paused {
			p.say("%s is paused", p.path(profile.Name))
		}
	}
	if len(s.Running)+len(s.Queue) == 0 {
		p.say("nothing runs, and nothing waits%s", nextText(s.Profiles))
		return nil
	}
	rows := [][]string{{"", "RUN", "PROFILE", "WHY", "LEVEL", "PRIORITY", "SLOT", "STATE"}}
	for _, r := range s.Running {
		rows = append(rows, []string{"*", r.ID, p.path(r.Profile), string(r.Trigger), r.Level, "", queueSlot(r.Slot), "runs: " + stepText(r)})
	}
	for _, q := range s.Queue {
		state := q.Why
		if q.Failed > 0 {
			state += fmt.Sprintf(" (failed %s)", term.Plural(q.Failed, "time", "times"))
		}
		rows = append(rows, []string{strconv.Itoa(q.Position), q.ID, p.path(q.Profile), string(q.Trigger), q.Level, strconv.Itoa(q.Priority), queueSlot(q.Slot), state})
	}
	p.table(rows)
	return nil
}

// nextText says which profile is due next.
func nextText(profiles []report.ServiceProfile) string {
	var next report.ServiceProfile
	for _, profile := range profiles {
		if !profile.Paused && !profile.Next.IsZero() && (next.Next.IsZero() || profile.Next.Before(next.Next)) {
			next = profile
		}
	}
	if next.Next.IsZero() {
		return ""
	}
	return fmt.Sprintf("; %s is due at %s", term.Printable(next.Name), term.LocalTime(next.Next))
}

func queueSlot(slot time.Time) string {
	if slot.IsZero() {
		return "-"
	}
	return slot.Local().Format("01-02 15:04")
}

// stepText says how far a run has come.
func stepText(r report.RunProgress) string {
	text := r.Step
	if r.Total > 0 {
		text += fmt.Sprintf(", %d%% of the %s", min(100, 100*r.Done/r.Total), r.Unit)
	}
	return text
}

// waitingLines say in a status what waits in the service, and what it doesn't start.
func waitingLines(s *report.Service) (lines []string) {
	if s == nil {
		return nil
	}
	if s.Paused {
		lines = append(lines, "! scheduled runs are paused: \"qsnap resume\" lets them start")
	}
	for _, q := range s.Queue {
		lines = append(lines, fmt.Sprintf("  %s: waits in place %d: %s", term.Printable(q.Profile), q.Position, q.Why))
	}
	return lines
}

func (p *program) queueMove(c *cli.Context) error {
	name, err := oneName(c, "run")
	if err != nil {
		return err
	}
	change := client.Change{Name: name, First: c.Bool("first")}
	if c.IsSet("priority") {
		n := c.Int("priority")
		if n < 1 || n > 9 {
			return usage(fmt.Errorf("--priority %d: want a number from 1 to 9", n))
		}
		change.Priority = &n
	}
	if !change.First && change.Priority == nil {
		return usage(errors.New("queue move: say where to with --first or --priority"))
	}
	s, err := p.service(c)
	if err != nil {
		return err
	}
	if err := s.Move(c.Context, change); err != nil {
		return failed(err)
	}
	p.say("%s was moved", name)
	return nil
}

// serviceVerb returns the action of a command that asks the service to do something to one
// object, which do names once it is done. An optional one may be "".
func (p *program) serviceVerb(what string, do func(c *cli.Context, s *client.Client, name string) (done string, err error)) cli.ActionFunc {
	return func(c *cli.Context) error {
		name, err := oneName(c, what)
		if err != nil {
			return err
		}
		return p.askService(c, name, do)
	}
}

// askService asks the service to do something, and says that it was done.
func (p *program) askService(c *cli.Context, name string, do func(c *cli.Context, s *client.Client, name string) (done string, err error)) error {
	s, err := p.service(c)
	if err != nil {
		return err
	}
	done, err := do(c, s, name)
	if err != nil {
		return failed(err)
	}
	p.say("%s", done)
	return nil
}
