package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

// fewPaths is how many paths of a source a line names.
const fewPaths = 3

// ofWhat returns the source of a snapshot as text: host:path, then further paths.
func (p *program) ofWhat(s snapshot.Source) string {
	shown, more := s.Paths, ""
	if n := len(shown) - fewPaths; n > 0 {
		shown, more = shown[:fewPaths], fmt.Sprintf(" and %d more", n)
	}
	return p.path(s.Hostname) + ":" + p.path(strings.Join(shown, ", ")) + more
}

// sayLatest prints which snapshot is the latest, for when there are several sources.
func (p *program) sayLatest(m *snapshot.Manifest, sources int) {
	if p.json {
		if !p.quiet {
			p.emitBeside(report.NewLatest(m, sources))
		}
		return
	}
	p.note("the latest snapshot is %s of %s, %s: there are %d sources; --host and --path select one", m.ID.Short(), p.ofWhat(m.Source()), term.LocalTime(m.End), sources)
}

// oneSource returns an error that lists the sources if a selection has several. Commands that
// delete or replace call it first: they must not act on the newest
// snapshot of an arbitrary source.
func (p *program) oneSource(c *cli.Context, r *repo.Repo, s repo.Filter) error {
	sources, err := r.Catalog().Sources(c.Context, s)
	if len(sources) <= 1 {
		return err
	}
	var names []string
	for _, source := range sources {
		names = append(names, fmt.Sprintf("%s (%s)", p.ofWhat(source.Source), term.LocalTime(source.Newest.End)))
	}
	return usage(hint{fmt.Errorf("\"latest\" is ambiguous: there are %d sources: %s", len(sources), strings.Join(names, "; ")), "select one with --host and --path, or name a snapshot"})
}

// findOne is find for commands that forget: with several sources, latest is an error.
func (p *program) findOne(c *cli.Context, r *repo.Repo, word string, s repo.Filter) (*snapshot.Manifest, error) {
	if word == "latest" {
		if err := p.oneSource(c, r, s); err != nil {
			return nil, err
		}
	}
	return p.find(c, r, word, s)
}
