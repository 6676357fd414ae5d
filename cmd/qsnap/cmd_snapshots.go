package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

func (p *program) snapshotsCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "snapshots",
		Aliases:   []string{"list"},
		Usage:     "list the snapshots",
		ArgsUsage: "[SNAPSHOT...]",
		Description: "Where there are levels, NEW is what a snapshot has added, before it was compressed, and\n" +
			"SINCE FULL is what was added since the last full snapshot of its source. An incremental\n" +
			"snapshot was compared with the newest one, a differential one with the last full one;\n" +
			"some texts call the latter incremental. Every snapshot restores alone.",
		Flags: append(selectFlags(),
			&cli.IntFlag{Name: "last", Usage: "list only the newest `N` snapshots"},
			&cli.BoolFlag{Name: "skipped", Usage: "list also what rules left out and what could not be read"}),
		Action: p.snapshots,
	})
}

func (p *program) snapshots(c *cli.Context) error {
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	list, damaged, err := p.picked(c, r, points...)
	if err != nil {
		return err
	}
	since, err := p.addedSinceFull(c, r, list)
	if err != nil {
		return err
	}
	if err := p.showSnapshots(c, list, since); err != nil {
		return err
	}
	if c.Bool("skipped") && !p.json {
		if err := p.showSkipped(c, r, list); err != nil {
			return err
		}
	}
	if errors.Is(damaged, repo.ErrNewerKey) {
		return damaged
	}
	if damaged != nil {
		return hint{damaged, "run \"qsnap check\" for details"}
	}
	return nil
}

// showSkipped lists what snapshots left out, and what could not be read.
func (p *program) showSkipped(c *cli.Context, r *repo.Repo, list []*snapshot.Manifest) error {
	for _, m := range list {
		p.showRemarks(m, "left out", m.Skipped)
		p.showRemarks(m, "problem", m.Problems)
		if err := p.showNotes(c, r, m); err != nil {
			return err
		}
	}
	return nil
}

// showNotes lists the notes of a snapshot about paths that its remarks don't name.
func (p *program) showNotes(c *cli.Context, r *repo.Repo, m *snapshot.Manifest) error {
	named := map[string]bool{}
	for _, remark := range slices.Concat(m.Skipped.List, m.Problems.List) {
		named[remark.Path] = true
	}
	for n, err := range r.View(m).Notes(c.Context) {
		if err != nil {
			return fmt.Errorf("snapshot %s: its notes: %w", m.ID.Short(), err)
		}
		if !named[n.Path] {
			fmt.Fprintf(p.stdout, "%s noted: %s: %s\n", m.ID.Short(), p.path(cmp.Or(n.Path, ".")), strings.TrimSuffix(string(n.Kind)+": "+n.Text, ": "))
		}
	}
	return nil
}

func (p *program) showRemarks(m *snapshot.Manifest, what string, r snapshot.Remarks) {
	for _, remark := range r.List {
		fmt.Fprintf(p.stdout, "%s %s: %s: %s\n", m.ID.Short(), what, p.path(remark.Path), remark.Text)
	}
	if !r.Complete() {
		fmt.Fprintf(p.stdout, "%s %s: %s more\n", m.ID.Short(), what, term.Count(r.Total-uint64(len(r.List))))
	}
}
