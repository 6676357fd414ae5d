package main

import (
	"time"

	"github.com/qsnap/qsnap/internal/term"
)

// A view shows the progress of a command. With --json, an object shows it now and then.
type view = term.Progress

// jsonInterval is the shortest time between two such objects.
const jsonInterval = time.Second

func (p *program) newView() *view { return term.NewProgress(p.stderr, p.quiet || p.json) }
