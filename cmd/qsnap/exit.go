package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/report"
)

// Exit codes, which never change.
const (
	exitOK          = exit.OK
	exitFailed      = exit.Failed
	exitUsage       = exit.Usage
	exitPartial     = exit.Partial
	exitBehind      = exit.Behind
	exitUnreachable = exit.Unreachable
	exitRunning     = exit.Running
	exitDamage      = exit.Damage
	exitOverdue     = exit.Overdue
	exitNeedsYes    = exit.NeedsYes
	exitNoRepo      = exit.NoRepo
	exitNotWhole    = exit.NotWhole
	exitWrongSecret = exit.WrongSecret
	exitInterrupted = exit.Interrupted
)

// Errors of outcomes for which no other package has one.
var (
	errInterrupted = exit.ErrInterrupted
	errUsage       = exit.ErrUsage
	errNeedsYes    = exit.ErrNeedsYes
	errRunning     = exit.ErrRunning
	errDamage      = exit.ErrDamage
	errOverdue     = exit.ErrOverdue
	errNotWhole    = exit.ErrNotWhole
	errPartial     = exit.ErrPartial
	errBehind      = exit.ErrBehind
	errFailed      = exit.ErrFailed
)

func one(all ...error) func(error) bool {
	return func(err error) bool {
		return slices.ContainsFunc(all, func(e error) bool { return errors.Is(err, e) })
	}
}

// end prints the error that a run ended with, unless it was reported before, and returns the
// exit code.
func (p *program) end(ctx context.Context, err error) int {
	if err != nil && interrupted(ctx) {
		err = errInterrupted
	}
	o := exit.Of(err, p.opened)
	switch {
	case err == nil:
	case p.json:
		p.emitBeside(report.NewExitError(o.Code, o.Kind, err))
	case !wasReported(err):
		fmt.Fprintf(p.stderr, "qsnap: %s\n", term.OneLine(err))
	}
	return o.Code
}

// A judged error has the outcome of another error, which its text doesn't mention.
type judged struct {
	error
	as error
}

// Unwrap returns both.
func (j judged) Unwrap() []error { return []error{j.error, j.as} }

// JudgedAs returns the error whose outcome this one has.
func (j judged) JudgedAs() error { return j.as }

// A reported error gets no line at the end: its text was printed before.
type reported struct{ error }

func (r reported) Unwrap() error { return r.error }

// Adorns returns the error: to have been printed changes no outcome.
func (r reported) Adorns() error { return r.error }

func wasReported(err error) bool {
	switch e := err.(type) {
	case reported:
		return true
	case judged:
		return wasReported(e.error)
	}
	if parts := exit.Joined(err); parts != nil {
		return !slices.ContainsFunc(parts, func(part error) bool { return !wasReported(part) })
	}
	return err == errPartial || err == errBehind || err == errNotWhole
}

// usage marks an error as wrong usage or configuration, even after a target was opened.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return judged{err, errUsage}
}

// A hint is an error and what to do about it.
type hint struct {
	error
	next string
}

// Error returns one line.
func (h hint) Error() string { return h.error.Error() + ": " + h.next }

// Unwrap returns the error without the hint.
func (h hint) Unwrap() error { return h.error }

// Adorns returns the error: a hint changes no outcome.
func (h hint) Adorns() error { return h.error }

// exitHelp lists the codes in their order.
func exitHelp() string {
	all := slices.SortedFunc(slices.Values(append(slices.Clone(exit.Outcomes), exit.Done)),
		func(a, b exit.Outcome) int { return cmp.Compare(a.Code, b.Code) })
	var b strings.Builder
	b.WriteString("Exit codes:\n")
	for _, o := range all {
		fmt.Fprintf(&b, "%5d  %s\n", o.Code, o.Means)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
