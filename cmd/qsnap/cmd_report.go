package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/page"
	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/job"
	"github.com/qsnap/qsnap/repo/report"
)

func (p *program) reportCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "report",
		Usage:     "show how well the profiles have kept what was promised: on time, versions, sizes, restores, cost",
		ArgsUsage: "[PROFILE...]",
		Description: "The records of this host and the repositories are asked. A repository that gives no answer\n" +
			"is named, and what the records know of it is shown. The page that --html writes needs no\n" +
			"network and no other file.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "since", Usage: "show what has happened since `TIME`, such as 7d or 2026-03-29", Value: "7d"},
			&cli.StringFlag{Name: "html", Usage: "write the report with charts to `FILE`, as a page for a browser; - is standard output"},
			&cli.BoolFlag{Name: "offline", Usage: "use only the records of this host, and ask no repository"},
		},
		Action: p.report,
	})
}

func (p *program) report(c *cli.Context) error {
	now := time.Now()
	since, err := sinceFlag(c, now)
	if err != nil {
		return err
	}
	o, unusable, err := p.lookOptions(c)
	if err != nil {
		return err
	}
	o.Since, o.Offline = since, c.Bool("offline")
	p.opened = true
	r, err := job.Statistics(c.Context, o)
	if err != nil {
		return err
	}
	if name := c.String("html"); name != "" {
		if err := p.writePage(name, r); err != nil {
			return err
		}
		if name == "-" {
			return unusable
		}
	}
	if p.json {
		return errors.Join(p.emit(r), unusable)
	}
	p.showReport(r)
	return unusable
}

// writePage writes a report as a page. A file appears in full, or stays as it was.
func (p *program) writePage(name string, r report.HostReport) error {
	var b bytes.Buffer
	if err := page.Write(&b, r, repo.Version); err != nil {
		return err
	}
	if name == "-" {
		_, err := p.stdout.Write(b.Bytes())
		return err
	}
	if err := replaceFile(name, b.Bytes()); err != nil {
		return err
	}
	p.note("wrote %s", p.path(name))
	return nil
}

// replaceFile writes a file beside its place and renames it.
func replaceFile(name string, content []byte) error {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() { // such as /dev/stdout
		return os.WriteFile(name, content, 0o644)
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // it is of no use
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// showReport prints a report for people: the sentence, what needs attention, and the figures.
func (p *program) showReport(r report.HostReport) {
	p.say("%s", term.Printable(r.Summary))
	for _, line := range r.Attention {
		p.say("  - %s", term.Printable(line))
	}
	for _, one := range r.Profiles {
		p.say("\n%s", term.Printable(one.Profile))
		p.profileFigures(one)
	}
	for _, s := range r.Repositories {
		p.say("\n%s", term.Printable(s.Location))
		p.repositoryFigures(s)
	}
	p.say("\nsince %s", term.LocalTime(r.Since))
	p.figure("restores", promised(r.Restores.Success))
	if n := r.Restores.InTime; n.Of > 0 {
		p.figure("restores in time", fmt.Sprintf("%d of %d within %s; first file after %s, done after %s (medians)", n.Kept, n.Of,
			seconds(r.Restores.Goal), seconds(r.Restores.FirstFile.Median), seconds(r.Restores.Done.Median)))
	}
	p.figure("verifications", promised(r.Proofs))
	p.figure("drills", promised(r.Drills))
	for _, promise := range []report.Promise{r.Restores.Success, r.Proofs, r.Drills} {
		p.causes(promise)
	}
}

func (p *program) figure(name, text string) { p.say("  %-17s %s", name, text) }

func (p *program) profileFigures(r report.ProfileReport) {
	p.figure("state", term.Printable(r.Summary))
	p.figure("on time", promised(r.OnTime))
	p.causes(r.OnTime)
	p.figure("good runs", promised(r.Success))
	p.causes(r.Success)
	v := term.Plural(r.Versions.Kept, "version", "versions")
	if r.Versions.Wanted > 0 {
		v = fmt.Sprintf("%d of %d slots; %s in all", r.Versions.Slots, r.Versions.Wanted, v)
	}
	p.figure("versions", v)
	if t := r.Last; t != nil {
		p.figure("last version", fmt.Sprintf("%s, new %s, stored in %s", term.Size(t.Bytes), term.Size(t.New), term.Size(t.Stored)))
	}
	if c := r.Cost; c != nil {
		ratio := func(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }
		p.figure("processors", used(c.CPU, ratio))
		p.figure("disk", used(c.IO, ratio))
		p.figure("memory", used(c.Memory, func(v float64) string { return term.Size(int64(v)) }))
		p.figure("busiest hour", ratio(c.Hour.CPU)+" of the processors, "+ratio(c.Hour.IO)+" of the disk")
		p.figure("a run takes", fmt.Sprintf("%s; 95 %% of %d at most %s", seconds(c.Duration), c.Runs, seconds(c.DurationUp)))
	}
}

func (p *program) repositoryFigures(r report.RepositoryReport) {
	if r.Stored > 0 {
		text := term.Size(r.Stored)
		if r.PerDay >= 1 {
			text += fmt.Sprintf(", grows by %s a day", term.Size(int64(r.PerDay)))
		}
		p.figure("size", text)
	}
	if r.Free > 0 {
		text := term.Size(r.Free)
		if !r.FullOn.IsZero() {
			text += ", full on " + r.FullOn.Local().Format("2006-01-02")
		}
		p.figure("free", text)
	}
	if r.FullBytes > 0 && r.Saved <= 0 {
		p.figure("saved", "nothing yet: full copies would take "+term.Size(r.FullBytes))
	} else if r.FullBytes > 0 {
		p.figure("saved", fmt.Sprintf("%.1f %% against %s of full copies (goal %.0f %%): deduplication %.1f %%, compression %.1f %% of the rest",
			100*r.Saved, term.Size(r.FullBytes), 100*r.SavedGoal, 100*r.Dedup, 100*r.Compression))
	}
}

// causes prints why something was not as promised.
func (p *program) causes(promise report.Promise) {
	for _, c := range promise.Causes {
		p.say("  %-17s %d × %s", "", c.Count, term.Printable(c.Text))
	}
}

// promised describes how often something was as it was promised.
func promised(r report.Promise) string {
	if r.Of == 0 {
		return "none"
	}
	text := fmt.Sprintf("%s of %s", term.Count(r.Kept), term.Count(r.Of))
	if !r.Held {
		text += fmt.Sprintf(": %.2f %%, the goal is %.4g %%", 100*r.Ratio, 100*r.Goal)
	}
	return text
}

// used describes how much of something was used.
func used(u report.Use, show func(float64) string) string {
	text := fmt.Sprintf("mean %s, 95th percentile %s, maximum %s", show(u.Mean), show(u.P95), show(u.Max))
	if u.Budget > 0 {
		text += ", budget " + show(u.Budget)
	}
	return text
}

func seconds(s float64) string { return term.Duration(time.Duration(s * float64(time.Second))) }
