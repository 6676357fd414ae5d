package main

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/history"
	"github.com/qsnap/qsnap/internal/state"
	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/report"
)

// stateDir opens the state directory of this host.
func (p *program) stateDir() (*state.Dir, error) {
	path, err := state.Default(p.getenv)
	if err != nil {
		return nil, err
	}
	return state.Open(path, rand.Reader, time.Now)
}

// records lists runs, and says what the history can't read.
func (p *program) records(h *history.History, f history.Filter) (runs []report.Run, unreadable []string) {
	runs, err := h.List(f)
	if err == nil {
		return runs, nil
	}
	parts := []error{err}
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		parts = all.Unwrap()
	}
	for _, part := range parts {
		unreadable = append(unreadable, part.Error())
		if p.json {
			p.emitBeside(report.NewError(part, "history", ""))
		} else {
			p.warn("%s", term.OneLine(part))
		}
	}
	return runs, unreadable
}

// sinceFlag returns the time that --since gives: so long ago, or the beginning of a day or
// minute.
func sinceFlag(c *cli.Context, now time.Time) (time.Time, error) {
	text := c.String("since")
	if text == "" {
		return time.Time{}, nil
	}
	if d, ok := term.ParseSpan(text); ok {
		return now.Add(-d), nil
	}
	if day, err := time.ParseInLocation("2006-01-02", text, now.Location()); err == nil {
		return day, nil
	}
	t, err := term.ParseTime(text, now)
	if err != nil {
		return t, fmt.Errorf("--since: write it as 7d, 12h, 2026-03-29 or \"2026-03-29 14:30\", not as %q", text)
	}
	return t.Truncate(time.Minute), nil
}
