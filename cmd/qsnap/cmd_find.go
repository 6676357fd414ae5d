package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

func (p *program) findCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "find",
		Usage:     "find files in all snapshots",
		ArgsUsage: "PATTERN...",
		Description: "Patterns are written as in .gitignore: a name, which may have * and ?, or a path that\n" +
			"begins with a slash. If a pattern matches nothing, the exit code is 3.",
		Flags: append(selectFlags(), atFlag(),
			&cli.StringSliceFlag{Name: "snapshot", Aliases: []string{"s"}, Usage: "search only `SNAPSHOT`; may be repeated"},
			&cli.BoolFlag{Name: "long", Aliases: []string{"l"}, Usage: "list every snapshot that holds a version, not only the newest"}),
		Action: p.findFiles,
	})
}

// A version is one state of a file, and the snapshots that hold it.
type version struct {
	entry     *snapshot.Entry
	snapshots []*snapshot.Manifest
}

func (p *program) findFiles(c *cli.Context) error {
	if c.NArg() == 0 {
		return hint{errors.New("no pattern given"), "name one, as in \"qsnap find '*.conf'\""}
	}
	patterns, err := repo.ParsePatterns(c.Args().Slice())
	if err != nil {
		return err
	}
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	list, damaged, err := p.chosen(c, r)
	if err != nil {
		return err
	}
	found := finder{versions: map[string][]version{}, unmatched: c.Args().Slice()}
	for _, m := range list {
		if err := found.in(c, r, m, patterns); err != nil {
			return err
		}
	}
	if p.json {
		err = p.emit(found.found())
	} else {
		p.showFound(&found, c.Bool("long"))
	}
	return errors.Join(err, damaged, p.unmatched(&found))
}

// unmatched returns an error if a pattern has matched nothing.
func (p *program) unmatched(f *finder) error {
	var names []string
	for _, pattern := range f.unmatched {
		names = append(names, strconv.Quote(pattern))
	}
	switch {
	case len(names) == 0:
		return nil
	case len(f.paths) == 0 && !p.json:
		return errPartial // showFound has said so
	}
	return judged{fmt.Errorf("%s matched nothing in %s", strings.Join(names, ", "), term.Plural(len(f.order), "snapshot", "snapshots")), errPartial}
}

// chosen returns the snapshots that --snapshot names, or else those that the flags select.
func (p *program) chosen(c *cli.Context, r *repo.Repo) (list []*snapshot.Manifest, damaged, err error) {
	s, err := p.selection(c, r)
	if err != nil {
		return nil, nil, err
	}
	for _, word := range c.StringSlice("snapshot") {
		m, err := p.find(c, r, word, s)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, m)
	}
	if list == nil {
		list, damaged = r.Snapshots(c.Context, s)
	}
	return list, damaged, nil
}

type finder struct {
	paths     []string // in the order in which they were found
	versions  map[string][]version
	hits      map[*snapshot.Manifest][]report.Node
	order     []*snapshot.Manifest
	unmatched []string // patterns that have matched nothing so far
}

// in finds the matching files of a snapshot.
func (f *finder) in(c *cli.Context, r *repo.Repo, m *snapshot.Manifest, patterns repo.Patterns) error {
	if f.hits == nil {
		f.hits = map[*snapshot.Manifest][]report.Node{}
	}
	f.order = append(f.order, m)
	patterns, err := patterns.In(m)
	if err != nil {
		return err
	}
	err = r.View(m).Walk(c.Context, &m.Root, func(path string, e *snapshot.Entry, err error) error {
		if err != nil {
			return fmt.Errorf("snapshot %s: %s: %w", m.ID.Short(), path, err)
		}
		if !patterns.Match(path, e.Type == snapshot.Dir) {
			return nil
		}
		f.hits[m] = append(f.hits[m], report.NewNode(path, e))
		if f.versions[path] == nil {
			f.paths = append(f.paths, path)
		}
		f.add(path, e, m)
		return nil
	})
	if err != nil {
		return err
	}
	here := patterns.Unmatched()
	f.unmatched = slices.DeleteFunc(f.unmatched, func(pattern string) bool { return !slices.Contains(here, pattern) })
	return nil
}

func (f *finder) add(path string, e *snapshot.Entry, m *snapshot.Manifest) {
	list := f.versions[path]
	if n := len(list); n > 0 && snapshot.SameContent(list[n-1].entry, e) && snapshot.SameAttributes(list[n-1].entry, e) {
		list[n-1].snapshots = append(list[n-1].snapshots, m)
		return
	}
	f.versions[path] = append(list, version{e, []*snapshot.Manifest{m}})
}

// found returns the matches of each snapshot.
func (f *finder) found() []report.FoundIn {
	out := []report.FoundIn{}
	for _, m := range f.order {
		if list := f.hits[m]; len(list) > 0 {
			out = append(out, report.FoundIn{Snapshot: m.ID, Hits: len(list), Matches: list})
		}
	}
	return out
}

func (p *program) showFound(f *finder, all bool) {
	if len(f.paths) == 0 {
		p.say("nothing found in %s", term.Plural(len(f.order), "snapshot", "snapshots"))
	}
	for _, path := range f.paths {
		fmt.Fprintln(p.stdout, p.path(path))
		for _, v := range f.versions[path] {
			var ids []string
			for _, m := range v.snapshots {
				ids = append(ids, m.ID.Short())
			}
			where := "in " + ids[len(ids)-1]
			if all {
				where = "in " + strings.Join(ids, " ")
			} else if len(ids) > 1 {
				where += fmt.Sprintf(" and %s", term.Plural(len(ids)-1, "earlier snapshot", "earlier snapshots"))
			}
			fmt.Fprintf(p.stdout, "    %s  %s\n", longLine(v.entry), where)
		}
	}
}
