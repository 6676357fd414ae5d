package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/job"
	"github.com/qsnap/qsnap/repo/report"
)

func (p *program) estimateCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "estimate",
		Usage:     "print about what the next run of a profile and the next 30 days will need",
		ArgsUsage: "PROFILE...",
		Description: "A dry run reads and compresses what the next run would, and stores nothing. The month is\n" +
			"estimated from the versions that there are and from the schedule: what is read and stored,\n" +
			"how long the runs take, and how much the repository grows when retention and prune have\n" +
			"removed what does not stay.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: "print the estimates of all profiles"},
		},
		Action: p.estimate,
	})
}

func (p *program) estimate(c *cli.Context) error {
	all, err := p.profilesNamed(c, c.Bool("all"))
	if err != nil {
		return err
	}
	p.opened = true
	var failed error
	for _, one := range all {
		if len(one.Sources) == 0 { // it was reported
			failed = errors.Join(failed, reported{usage(fmt.Errorf("profile %s can't be used", one.Name))})
			continue
		}
		err := p.estimateOne(c, job.Options{Profile: one, Schemes: p.schemes, Getenv: p.getenv})
		if err != nil && len(all) > 1 {
			err = ofProfile{err, one.Name}
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

func (p *program) estimateOne(c *cli.Context, o job.Options) error {
	v := p.newView()
	o.Progress = func(u report.RunProgress) {
		if v.Due() {
			v.Show(u.Done, u.Total, u.Updated.Sub(u.Started), runLine(u), u.Current)
		}
	}
	o.Warn = func(err error) {
		v.Clear()
		if p.json {
			_ = p.emit(report.NewError(err, "estimate", o.Profile.Name))
			return
		}
		p.warn("%s: %s", o.Profile.Name, term.OneLine(err))
	}
	e, err := job.Estimate(c.Context, o)
	v.Clear()
	switch {
	case e.Profile == "": // there is none
		return err
	case p.json:
		return errors.Join(err, p.emit(e))
	}
	p.estimateSummary(e)
	return err
}

// estimateSummary prints an estimate.
func (p *program) estimateSummary(e report.Estimate) {
	p.say("%s: %s, %s", e.Profile, term.Plural(e.Files, "file", "files"), term.Size(e.Bytes))
	p.say("  next run, %s: %s", e.Level, needText(e.Next))
	if e.Most != nil {
		p.say("  nine of ten runs need no more than: %s", needText(*e.Most))
	}
	if e.Month == nil {
		p.say("  %d days: too few versions for an estimate", e.Days)
		return
	}
	p.say("  %d days, %s: %s; the repository grows by about %s", e.Days, term.Plural(e.Month.Runs, "run", "runs"), needText(*e.Month), term.Size(*e.Grows))
	shrinks := ""
	if e.Compressed > 0 {
		shrinks = fmt.Sprintf("; new data shrinks to %.0f %%", 100*e.Compressed)
	}
	p.say("  estimated from %s%s; %.0f %% of all versions was there already", term.Plural(e.Versions, "version", "versions"), shrinks, 100*e.Saved)
}

// needText returns what runs need.
func needText(n report.Need) string {
	text := fmt.Sprintf("read %s; store %s of %s new; %s", term.Size(n.Read), term.Size(n.Stored), term.Size(n.New), term.Duration(time.Duration(n.Seconds*float64(time.Second))))
	if n.Verified > 0 {
		text += "; verify " + term.Size(n.Verified)
	}
	return text
}
