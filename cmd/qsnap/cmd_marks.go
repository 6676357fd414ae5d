package main

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

func (p *program) pinCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "pin",
		Usage:     "keep snapshots whatever a policy says",
		ArgsUsage: "SNAPSHOT...",
		Flags: append(selectFlags(),
			&cli.StringFlag{Name: "until", Usage: "keep them up to `TIME`, such as 2027-01-01"},
			&cli.BoolFlag{Name: "remove", Usage: "pin them no more"}),
		Action: p.pin,
	})
}

func (p *program) pin(c *cli.Context) error {
	var until time.Time
	if s := c.String("until"); s != "" {
		var err error
		if until, err = term.ParseTime(s, time.Now()); err != nil {
			return err
		}
		if until.Before(time.Now()) {
			return errors.New("--until: that is in the past")
		}
	}
	return p.eachNamed(c, "pin which?", func(r *repo.Repo, m *snapshot.Manifest) error {
		if c.Bool("remove") {
			p.say("snapshot %s is pinned no more", m.ID.Short())
			return r.Unpin(c.Context, m.ID)
		}
		if err := r.Pin(c.Context, m.ID, until); err != nil {
			return err
		}
		if until.IsZero() {
			p.say("pinned snapshot %s", m.ID.Short())
		} else {
			p.say("pinned snapshot %s until %s", m.ID.Short(), term.LocalTime(until))
		}
		return nil
	})
}

func (p *program) tagCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "tag",
		Usage:     "change the tags of snapshots",
		ArgsUsage: "SNAPSHOT...",
		Flags: append(selectFlags(),
			&cli.StringSliceFlag{Name: "add", Usage: "add `TAG`; may be repeated"},
			&cli.StringSliceFlag{Name: "remove", Usage: "remove `TAG`; may be repeated"},
			&cli.StringSliceFlag{Name: "set", Usage: "have no tags but `TAG`; may be repeated"}),
		Action: p.tag,
	})
}

func (p *program) tag(c *cli.Context) error {
	add, remove, set := c.StringSlice("add"), c.StringSlice("remove"), c.StringSlice("set")
	if len(add)+len(remove)+len(set) == 0 {
		return hint{errors.New("change which tags?"), "use --add, --remove or --set"}
	}
	if len(set) > 0 && len(add)+len(remove) > 0 {
		return errors.New("--set excludes --add and --remove")
	}
	return p.eachNamed(c, "tag which?", func(r *repo.Repo, m *snapshot.Manifest) error {
		tags := slices.Concat(m.Tags, add)
		if len(set) > 0 {
			tags = set
		}
		tags = slices.DeleteFunc(slices.Clone(tags), func(tag string) bool { return tag == "" || slices.Contains(remove, tag) })
		if err := r.Tag(c.Context, m.ID, tags); err != nil {
			return err
		}
		slices.Sort(tags)
		p.say("tags of snapshot %s: %s", m.ID.Short(), strings.Join(slices.Compact(tags), ", "))
		return nil
	})
}

// eachNamed calls f for each snapshot that the arguments name. With --json it then
// prints them as they are now.
func (p *program) eachNamed(c *cli.Context, missing string, f func(*repo.Repo, *snapshot.Manifest) error) error {
	if c.NArg() == 0 {
		return hint{errors.New(missing), "name snapshots"}
	}
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	s, err := p.selection(c)
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
		if all[i], err = r.Find(c.Context, m.ID.String(), repo.Select{}); err != nil {
			return err
		}
	}
	return p.showSnapshots(c, all)
}

func (p *program) undeleteCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "undelete",
		Usage:     "bring back forgotten snapshots, or list those that can be",
		ArgsUsage: "[SNAPSHOT...]",
		Action:    p.undelete,
	})
}

func (p *program) undelete(c *cli.Context) error {
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	all, damaged := r.Forgotten(c.Context)
	if c.NArg() == 0 {
		if len(all) == 0 && damaged == nil {
			p.say("there are no forgotten snapshots that could be brought back")
			if !p.json {
				return nil
			}
		}
		return errors.Join(p.showSnapshots(c, all), damaged)
	}
	for _, word := range c.Args().Slice() {
		var found []*snapshot.Manifest
		for _, m := range all {
			if strings.HasPrefix(m.ID.String(), word) {
				found = append(found, m)
			}
		}
		if len(found) != 1 {
			return hint{errors.New(term.Plural(len(found), "forgotten snapshot has", "forgotten snapshots have") + " an id that begins with " + word), "\"qsnap undelete\" lists them"}
		}
		m, err := r.Undelete(c.Context, found[0].ID)
		if err != nil {
			return err
		}
		if p.json {
			if err := p.emit(report.NewUndeleted(m.ID, found[0].ID)); err != nil {
				return err
			}
		}
		p.say("snapshot %s of %s, %s, is back, as %s", found[0].ID.Short(), p.ofWhat(m.Source()), term.LocalTime(m.End), m.ID.Short())
	}
	return nil
}
