package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

func (p *program) lsCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "ls",
		Usage:     "list the contents of a snapshot",
		ArgsUsage: "SNAPSHOT[:PATH]",
		Flags: append(selectFlags(), atFlag(),
			&cli.BoolFlag{Name: "long", Aliases: []string{"l"}, Usage: "show modes, owners, sizes and times"},
			&cli.BoolFlag{Name: "flat", Usage: "do not descend into subdirectories"}),
		Action: p.ls,
	})
}

func (p *program) ls(c *cli.Context) error {
	if c.NArg() > 1 {
		_, err := oneArgument(c, "SNAPSHOT[:PATH]")
		return err
	}
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	m, at, err := p.snapshotAndPath(c, r, c.Args().First())
	if err != nil {
		return err
	}
	v := r.View(m)
	root, err := v.Entry(c.Context, at)
	if err != nil {
		return err
	}
	if p.json {
		if err := p.emit(report.NewListedSnapshot(m)); err != nil {
			return err
		}
	}
	base := strings.Trim(at, "/")
	if root.Type != snapshot.Dir {
		return p.showEntry(c, base, root)
	}
	var failed error
	err = v.Walk(c.Context, root, func(at string, e *snapshot.Entry, err error) error {
		switch {
		case c.Context.Err() != nil && err != nil:
			return err
		case err != nil:
			p.warn("%s: %s", p.path(path.Join(base, at)), term.OneLine(err))
			failed = errors.Join(failed, err)
			return nil
		}
		if err := p.showEntry(c, path.Join(base, at), e); err != nil {
			return err
		}
		if e.Type == snapshot.Dir && c.Bool("flat") {
			return fs.SkipDir
		}
		return nil
	})
	if err == nil && failed != nil {
		err = reported{failed}
	}
	return err
}

func (p *program) showEntry(c *cli.Context, full string, e *snapshot.Entry) error {
	if p.json {
		return p.emit(report.NewNode(full, e))
	}
	line := p.path(full)
	if c.Bool("long") {
		line = longLine(e) + " " + line
		if e.Type == snapshot.Symlink {
			line += " -> " + p.path(e.Target)
		}
	}
	if e.Problem != "" {
		line += "  (not captured: " + e.Problem + ")"
	}
	_, err := fmt.Fprintln(p.stdout, line)
	return err
}

// longLine describes an entry as ls -l does.
func longLine(e *snapshot.Entry) string {
	user, group := e.User, e.Group
	if user == "" {
		user = fmt.Sprint(e.UID)
	}
	if group == "" {
		group = fmt.Sprint(e.GID)
	}
	what := fmt.Sprint(e.Size)
	if e.Type == snapshot.CharDevice || e.Type == snapshot.BlockDevice {
		what = fmt.Sprintf("%d,%d", e.Major, e.Minor)
	}
	mark := " "
	if len(e.Xattrs) > 0 {
		mark = "+"
	}
	return fmt.Sprintf("%s%s %-8s %-8s %12s %s", report.Permissions(e), mark, user, group, what, term.LocalTime(e.MTime.Time()))
}
