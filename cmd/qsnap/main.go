// Command qsnap makes, checks and restores snapshots of directory trees.
//
// It is a thin face of package repo: see the README for a tour, and "qsnap help"
// for all commands.
package main

import (
	"context"
	"os"
	"runtime/debug"
)

func main() {
	// Most memory is in buffers that are used again and again; collecting the rest
	// more often than usual halves what lies about, for a few percent of time.
	debug.SetGCPercent(30)
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
