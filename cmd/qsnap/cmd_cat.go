package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/archive"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

func (p *program) catCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "cat",
		Usage:     "write a file of a snapshot to standard output",
		ArgsUsage: "SNAPSHOT:PATH",
		Flags:     append(selectFlags(), atFlag()),
		Action: func(c *cli.Context) error {
			return p.withEntry(c, "SNAPSHOT:PATH", func(v *repo.View, e *snapshot.Entry, _ string) error {
				out := bufio.NewWriterSize(p.stdout, 1<<20)
				if e.Type == snapshot.Dir {
					return hint{errors.New("is a directory"), "\"qsnap dump\" writes it as an archive"}
				}
				return errors.Join(v.WriteTo(c.Context, out, e), out.Flush())
			})
		},
	})
}

func (p *program) dumpCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "dump",
		Usage:     "write a snapshot, or a path in it, as an archive",
		ArgsUsage: "SNAPSHOT[:PATH]",
		Flags: append(selectFlags(), atFlag(),
			&cli.StringFlag{Name: "format", Usage: "write the archive in `FORMAT`: tar", Value: "tar"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to `FILE`", DefaultText: "standard output"}),
		Action: p.dump,
	})
}

// withEntry calls f with the entry that the only argument names.
func (p *program) withEntry(c *cli.Context, what string, f func(v *repo.View, e *snapshot.Entry, path string) error) error {
	word, err := oneArgument(c, what)
	if err != nil {
		return err
	}
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	m, at, err := p.snapshotAndPath(c, r, word)
	if err != nil {
		return err
	}
	v := r.View(m)
	e, err := v.Entry(c.Context, at)
	if err != nil {
		return err
	}
	if err := f(v, e, strings.Trim(at, "/")); err != nil {
		return fmt.Errorf("%s: %w", word, err)
	}
	return nil
}

func (p *program) dump(c *cli.Context) (err error) {
	if format := c.String("format"); format != "tar" {
		return fmt.Errorf("--format %q: want tar", format)
	}
	return p.withEntry(c, "SNAPSHOT[:PATH]", func(v *repo.View, e *snapshot.Entry, at string) (err error) {
		var w io.Writer = p.stdout
		if name := c.String("output"); name != "" {
			f, err := os.Create(name)
			if err != nil {
				return err
			}
			defer func() {
				if err = errors.Join(err, f.Close()); err != nil {
					err = errors.Join(err, os.Remove(name))
				}
			}()
			w = f
		}
		out := bufio.NewWriterSize(w, 1<<20)
		incomplete := false
		err = archive.Tar(c.Context, v, e, path.Base(at), out, func(name, why string) {
			incomplete = true
			p.warn("%s is not in the archive: %s", p.path(name), why)
		})
		if err = errors.Join(err, out.Flush()); err == nil && incomplete {
			err = errPartial
		}
		return err
	})
}
