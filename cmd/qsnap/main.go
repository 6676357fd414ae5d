// Command qsnap makes, checks and restores snapshots of directory trees.
//
// It is a thin layer over package repo: see the README for a tour, and "qsnap help"
// for all commands.
package main

import (
	"context"
	"os"
)

func main() {
	paceGC()
	plainFlags()
	ctx, stop := withSignals(context.Background())
	p := &program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv}
	code := p.run(ctx, os.Args)
	if interrupted(ctx) {
		code = exitInterrupted
	}
	stop()
	os.Exit(code)
}
