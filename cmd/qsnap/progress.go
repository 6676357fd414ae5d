package main

import (
	"time"

	"github.com/qsnap/qsnap/internal/term"
)

// A view shows how far a command has come. With --json that is an object now and then.
type view = term.Progress

// jsonInterval is the time between these objects.
const jsonInterval = time.Second

func (p *program) newView() *view { return term.NewProgress(p.stderr, p.quiet || p.json) }
