package main

import (
	"fmt"
	"runtime"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
)

func (p *program) versionCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:  "version",
		Usage: "print the version",
		Action: func(c *cli.Context) error {
			if p.json {
				return p.emit(report.NewVersion(repo.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH))
			}
			fmt.Fprintf(p.stdout, "qsnap %s, %s %s/%s\n", repo.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	})
}
