package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

// selectFlags select snapshots.
func selectFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "host", Usage: "select snapshots of `HOST`"},
		&cli.StringSliceFlag{Name: "path", Usage: "select snapshots that hold `PATH`; may be repeated"},
		&cli.StringSliceFlag{Name: "tag", Usage: "select snapshots with `TAG`; may be repeated"},
		&cli.StringSliceFlag{Name: "kind", Usage: "select snapshots of `KIND`: source, imported, before-restore, evidence, trial, catalog or any; may be repeated", DefaultText: "source"},
	}
}

func atFlag() cli.Flag {
	return &cli.StringFlag{Name: "at", Usage: "select the newest snapshot at or before `TIME`, such as \"2026-03-29 14:30\", 2026-03-29, 14:30 or \"3h ago\""}
}

// selection returns which snapshots the flags and the profile select.
func (p *program) selection(c *cli.Context, r *repo.Repo) (repo.Filter, error) {
	s := repo.Filter{Hostname: c.String("host"), Tags: c.StringSlice("tag")}
	if err := kinds(c, &s); err != nil {
		return s, usage(err)
	}
	if s.Hostname == "" && c.Bool("in-place") {
		s.Hostname = p.thisHost() // what is put back is this machine's
	}
	for _, path := range c.StringSlice("path") {
		abs, err := filepath.Abs(path)
		if err != nil {
			return s, usage(err)
		}
		s.Paths = append(s.Paths, abs)
	}
	if at := c.String("at"); at != "" {
		var err error
		if s.Until, err = term.ParseTime(at, time.Now()); err != nil {
			return s, usage(err)
		}
	}
	return s, p.ofProfile(c, r, &s)
}

// kinds selects the kinds that --kind names. Without --kind, a selection by time includes
// imported snapshots.
func kinds(c *cli.Context, s *repo.Filter) error {
	known := []snapshot.Kind{snapshot.KindSource, snapshot.KindImported, snapshot.KindBeforeRestore, snapshot.KindEvidence, snapshot.KindTrial, snapshot.KindCatalog}
	for _, name := range c.StringSlice("kind") {
		i := slices.IndexFunc(known, func(k snapshot.Kind) bool { return k.String() == name })
		switch {
		case name == "any":
			s.AnyKind = true
		case i < 0:
			return fmt.Errorf("--kind %q: want source, imported, before-restore, evidence, trial, catalog or any", name)
		default:
			s.Kinds = append(s.Kinds, known[i])
		}
	}
	if c.String("at") != "" && !s.AnyKind && s.Kinds == nil {
		s.Kinds = points
	}
	return nil
}

// points are the kinds of snapshots that show a source at a point in time.
var points = []snapshot.Kind{snapshot.KindSource, snapshot.KindImported}

// find returns the snapshot that a word names.
func (p *program) find(c *cli.Context, r *repo.Repo, word string, s repo.Filter) (*snapshot.Manifest, error) {
	var m *snapshot.Manifest
	var err error
	if word == "latest" {
		m, err = p.latest(c, r, s)
	} else {
		m, err = r.Find(c.Context, word)
	}
	if errors.Is(err, repo.ErrNoSnapshot) {
		return nil, hint{err, "\"qsnap snapshots\" lists the snapshots"}
	}
	return m, err
}

// latest returns the newest snapshot that the flags select, and says which it is if they
// select several sources.
func (p *program) latest(c *cli.Context, r *repo.Repo, s repo.Filter) (*snapshot.Manifest, error) {
	sources, err := r.Catalog().Sources(c.Context, s)
	if err == nil && len(sources) == 1 && s.Until.IsZero() {
		return sources[0].Newest, nil // what Latest returns after listing all snapshots again
	}
	m, err := r.Latest(c.Context, s)
	if err == nil && len(sources) > 1 {
		p.sayLatest(m, len(sources))
	}
	return m, err
}

// anyKind stands for all kinds of snapshots.
const anyKind snapshot.Kind = "any"

// picked returns the snapshots that the arguments name, or else those that the flags select;
// damaged is then about those that can't be read. Without --kind, the flags select the given
// kinds.
func (p *program) picked(c *cli.Context, r *repo.Repo, kinds ...snapshot.Kind) (list []*snapshot.Manifest, damaged, err error) {
	s, err := p.selection(c, r)
	if err != nil {
		return nil, nil, err
	}
	s.Last = c.Int("last")
	if c.NArg() == 0 {
		if !s.AnyKind && s.Kinds == nil {
			s.Kinds, s.AnyKind = kinds, slices.Contains(kinds, anyKind)
		}
		list, damaged = r.Snapshots(c.Context, s)
		if list == nil {
			return nil, nil, damaged
		}
		return list, damaged, nil
	}
	for _, word := range c.Args().Slice() {
		m, err := p.find(c, r, word, s)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, m)
	}
	return list, nil, nil
}

// snapshotAndPath returns the snapshot and path that SNAPSHOT:PATH names. An empty word names
// the newest snapshot that the flags select.
func (p *program) snapshotAndPath(c *cli.Context, r *repo.Repo, word string) (*snapshot.Manifest, string, error) {
	s, err := p.selection(c, r)
	if err != nil {
		return nil, "", err
	}
	name, path, _ := strings.Cut(word, ":")
	if byTime(word) {
		name = "latest"
	}
	if name != "latest" && !s.Until.IsZero() {
		return nil, "", usage(errors.New("--at selects a snapshot by its time: use it without an id"))
	}
	m, err := p.find(c, r, name, s)
	if err != nil || !strings.HasPrefix(path, "/") {
		return m, path, err
	}
	if _, err := r.View(m).Entry(c.Context, path); errors.Is(err, fs.ErrNotExist) {
		if in, ok := repo.PathIn(m, path); ok { // the path that it had on its machine
			path = in
		}
	}
	return m, path, nil
}

// byTime reports whether SNAPSHOT:PATH means the latest snapshot, not one by its id.
func byTime(word string) bool {
	name, _, _ := strings.Cut(word, ":")
	return word == "" || name == "latest"
}

// oneArgument returns the only argument.
func oneArgument(c *cli.Context, what string) (string, error) {
	if c.NArg() != 1 {
		return "", hint{fmt.Errorf("%s takes one argument: %s", c.Command.Name, what), fmt.Sprintf("see \"qsnap %s --help\"", c.Command.Name)}
	}
	return c.Args().First(), nil
}

// eachNamed calls f for each snapshot that the arguments name. With --json it then
// prints them as they are now.
func (p *program) eachNamed(c *cli.Context, f func(*repo.Repo, *snapshot.Manifest) error) error {
	if c.NArg() == 0 {
		return hint{errors.New("no snapshot given"), "name one or more"}
	}
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	s, err := p.selection(c, r)
	if err != nil {
		return err
	}
	var all []*snapshot.Manifest
	for _, word := range c.Args().Slice() {
		m, err := p.find(c, r, word, s)
		if err != nil {
			return err
		}
		all = append(all, m)
	}
	for _, m := range all {
		if err := f(r, m); err != nil {
			return err
		}
	}
	if !p.json {
		return nil
	}
	for i, m := range all {
		if all[i], err = r.Get(c.Context, m.ID); err != nil {
			return err
		}
	}
	return p.showSnapshots(c, all, nil)
}
