package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

func (p *program) tagCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "tag",
		Usage:     "change the tags of snapshots",
		ArgsUsage: "SNAPSHOT...",
		Flags: append(selectFlags(),
			&cli.StringSliceFlag{Name: "add", Usage: "add `TAG`; may be repeated"},
			&cli.StringSliceFlag{Name: "remove", Usage: "remove `TAG`; may be repeated"},
			&cli.StringSliceFlag{Name: "set", Usage: "replace all tags by `TAG`; may be repeated"}),
		Action: p.tag,
	})
}

func (p *program) tag(c *cli.Context) error {
	add, remove, set := c.StringSlice("add"), c.StringSlice("remove"), c.StringSlice("set")
	if len(add)+len(remove)+len(set) == 0 {
		return hint{errors.New("no tag given"), "use --add, --remove or --set"}
	}
	if len(set) > 0 && len(add)+len(remove) > 0 {
		return errors.New("--set excludes --add and --remove")
	}
	return p.eachNamed(c, func(r *repo.Repo, m *snapshot.Manifest) error {
		tags := slices.Concat(m.Tags, add)
		if len(set) > 0 {
			tags = set
		}
		tags = slices.DeleteFunc(slices.Clone(tags), func(tag string) bool { return tag == "" || slices.Contains(remove, tag) })
		if err := r.Catalog().Tag(c.Context, m.ID, tags); err != nil {
			return err
		}
		slices.Sort(tags)
		p.say("tags of snapshot %s: %s", m.ID.Short(), strings.Join(slices.Compact(tags), ", "))
		return nil
	})
}
