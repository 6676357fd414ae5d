package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"reflect"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/target"
)

// Exit codes, which never change.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitPartial     = 3
	exitBehind      = 4
	exitUnreachable = 5
	exitRunning     = 6
	exitDamage      = 7
	exitOverdue     = 8
	exitNeedsYes    = 9
	exitNoRepo      = 10
	exitNotWhole    = 11
	exitWrongSecret = 12
	exitInterrupted = 130
)

// Errors of outcomes for which no other package has one.
var (
	errInterrupted = errors.New("interrupted")
	errUsage       = errors.New("usage or configuration")
	errNeedsYes    = errors.New("this needs --yes: nothing was done")
	errRunning     = errors.New("another run is under way")
	errDamage      = errors.New("damaged")
	errOverdue     = errors.New("overdue")
	// errNotWhole: a snapshot was made, but without a source that was named.
	errNotWhole = errors.New("the snapshot is incomplete: a named source is missing")
	// errPartial: the command was done except for some paths, or something named matched
	// nothing.
	errPartial = errors.New("done, but not for every path")
	// errBehind: the command was done here, but not on every replica.
	errBehind = errors.New("a replica could not be brought up to date")
	errFailed = errors.New("failed")
)

// An outcome is a way in which a run ends. Its code and kind never change.
type outcome struct {
	code  int
	kind  report.Kind // exit_error's, for programs
	means string      // for help
	is    func(error) bool
}

// done is how a run ends without an error.
var done = outcome{exitOK, "done", "done, or skipped because the last snapshot is recent or nothing has changed", nil}

// outcomes are all others. If an error has several, the first one counts.
var outcomes = []outcome{
	{exitInterrupted, report.Interrupted, "interrupted", one(errInterrupted)},
	{exitUsage, report.Usage, "wrong usage or configuration: nothing was done", isUsage},
	{exitNeedsYes, report.NeedsYes, "--yes is needed: nothing was done", one(errNeedsYes)},
	{exitNoRepo, report.NoRepository, "no repository", one(repo.ErrNoRepository)},
	{exitWrongSecret, report.WrongSecret, "wrong or outdated password or key", one(repo.ErrWrongSecret, repo.ErrNewerKey)},
	{exitRunning, report.Running, "a run is under way", one(errRunning)},
	{exitDamage, report.Damage, "damage, a hidden snapshot, or failed verification", isDamage},
	{exitUnreachable, report.Unreachable, "the target is out of reach", isUnreachable},
	{exitOverdue, report.Overdue, "overdue", one(errOverdue)},
	{exitFailed, report.Failed, "failed", one(errFailed)},
	{exitNotWhole, report.Incomplete, "done, but incomplete: a named source is missing", one(errNotWhole)},
	{exitPartial, report.Partial, "done, but some paths were not read or restored, or something named matched nothing", one(errPartial, repo.ErrIncomplete)},
	{exitBehind, report.Behind, "done, but a replica or copy is late", one(errBehind)},
}

func one(all ...error) func(error) bool {
	return func(err error) bool {
		for _, e := range all {
			if errors.Is(err, e) {
				return true
			}
		}
		return false
	}
}

// isUsage reports whether an error is about what the user has written.
func isUsage(err error) bool {
	_, pattern := errors.AsType[*repo.PatternError](err)
	return pattern || one(errUsage, connect.ErrConfig)(err)
}

// isDamage reports whether an error is about damage, in a repository or in what was restored
// from it.
func isDamage(err error) bool {
	return one(errDamage, repo.ErrDamaged, repo.ErrUnreadable, repo.ErrVerification)(err)
}

// isUnreachable reports whether an error is about the network, or about a target that
// doesn't answer.
func isUnreachable(err error) bool {
	_, dial := errors.AsType[*net.OpError](err)
	_, name := errors.AsType[*net.DNSError](err)
	if dial || name || one(connect.ErrUnreachable, target.ErrGivenUp)(err) {
		return true
	}
	_, file := errors.AsType[*fs.PathError](err) // such as a pipe that nobody reads any more
	return !file && target.Temporary(err)
}

// outcomeOf returns the outcome of a run that ends with an error. Of joined errors, the first
// in the table counts. An unknown error is wrong usage before a target was opened, and a
// failure afterwards.
func outcomeOf(err error, opened bool) outcome {
	if err == nil {
		return done
	}
	return outcomes[rank(err, opened)]
}

func rank(err error, opened bool) int {
	switch e := err.(type) {
	case judged:
		return rank(e.as, opened)
	case reported:
		return rank(e.error, opened)
	case hint:
		return rank(e.error, opened)
	}
	if parts := joined(err); parts != nil {
		first := len(outcomes)
		for _, part := range parts {
			first = min(first, rank(part, opened))
		}
		return first
	}
	known := slices.IndexFunc(outcomes, func(o outcome) bool { return o.is(err) })
	switch {
	case known >= 0:
		return known
	case !opened:
		return rank(errUsage, opened)
	}
	return rank(errFailed, opened)
}

// joined returns the errors that errors.Join has joined: each has an outcome of its own. An
// error that wraps several in any other way counts as one.
func joined(err error) []error {
	if reflect.TypeOf(err) == reflect.TypeOf(errors.Join(errFailed)) {
		return err.(interface{ Unwrap() []error }).Unwrap()
	}
	return nil
}

// end prints the error that a run ended with, unless it was reported before, and returns the
// exit code.
func (p *program) end(ctx context.Context, err error) int {
	if err != nil && interrupted(ctx) {
		err = errInterrupted
	}
	o := outcomeOf(err, p.opened)
	switch {
	case err == nil:
	case p.json:
		p.emitBeside(report.NewExitError(o.code, o.kind, err))
	case !wasReported(err):
		fmt.Fprintf(p.stderr, "qsnap: %s\n", term.OneLine(err))
	}
	return o.code
}

// A judged error has the outcome of another error, which its text doesn't mention.
type judged struct {
	error
	as error
}

// Unwrap returns both.
func (j judged) Unwrap() []error { return []error{j.error, j.as} }

// A reported error gets no line at the end: its text was printed before.
type reported struct{ error }

func (r reported) Unwrap() error { return r.error }

func wasReported(err error) bool {
	switch e := err.(type) {
	case reported:
		return true
	case judged:
		return wasReported(e.error)
	}
	if parts := joined(err); parts != nil {
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

// exitHelp lists the codes in their order.
func exitHelp() string {
	all := slices.SortedFunc(slices.Values(append(outcomes[:len(outcomes):len(outcomes)], done)),
		func(a, b outcome) int { return cmp.Compare(a.code, b.code) })
	var b strings.Builder
	b.WriteString("Exit codes:\n")
	for _, o := range all {
		fmt.Fprintf(&b, "%5d  %s\n", o.code, o.means)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
