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

// fewPaths is how many paths of a source are named in a line.
const fewPaths = 3

// ofWhat returns the source of a snapshot for people: host:path and, if there are more
// paths, these.
func (p *program) ofWhat(s snapshot.Source) string {
	shown, more := s.Paths, ""
	if n := len(shown) - fewPaths; n > 0 {
		shown, more = shown[:fewPaths], fmt.Sprintf(" and %d more", n)
	}
	return p.path(s.Hostname) + ":" + p.path(strings.Join(shown, ", ")) + more
}

// sayOfWhat says which snapshot the latest is, where there are several sources.
func (p *program) sayOfWhat(m *snapshot.Manifest, sources int) {
	if p.json {
		if !p.quiet {
			p.emitBeside(report.NewLatest(m, sources))
		}
		return
	}
	p.note("the latest snapshot is %s of %s, %s: there are %d sources; --host and --path select one", m.ID.Short(), p.ofWhat(m.Source()), term.LocalTime(m.End), sources)
}

// oneSource refuses what is picked unless it is of one source, and lists them. It comes
// before what would delete or replace something for the newest of whatever there is.
func (p *program) oneSource(c *cli.Context, r *repo.Repo, s repo.Select) error {
	sources, err := r.Sources(c.Context, s)
	if len(sources) <= 1 {
		return err
	}
	var names []string
	for _, source := range sources {
		names = append(names, fmt.Sprintf("%s (%s)", p.ofWhat(source.Source), term.LocalTime(source.Newest.End)))
	}
	return usage(hint{fmt.Errorf("\"latest\" is ambiguous: there are %d sources: %s", len(sources), strings.Join(names, "; ")), "select one with --host and --path, or name a snapshot"})
}

// findOne is find for what is forgotten: the latest counts only if it is of one source.
func (p *program) findOne(c *cli.Context, r *repo.Repo, word string, s repo.Select) (*snapshot.Manifest, error) {
	if word == "latest" {
		if err := p.oneSource(c, r, s); err != nil {
			return nil, err
		}
	}
	return p.find(c, r, word, s)
}
