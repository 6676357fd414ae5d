package exit

import (
	"errors"
	"io/fs"
	"net"
	"reflect"
	"slices"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
)

// Exit codes, which never change.
const (
	OK          = 0
	Failed      = 1
	Usage       = 2
	Partial     = 3
	Behind      = 4
	Unreachable = 5
	Running     = 6
	Damage      = 7
	Overdue     = 8
	NeedsYes    = 9
	NoRepo      = 10
	NotWhole    = 11
	WrongSecret = 12
	Interrupted = 130
)

// Errors of outcomes for which no other package has one.
var (
	ErrInterrupted = errors.New("interrupted")
	ErrUsage       = errors.New("usage or configuration")
	ErrNeedsYes    = errors.New("this needs --yes: nothing was done")
	ErrRunning     = errors.New("another run is under way")
	ErrDamage      = errors.New("damaged")
	ErrOverdue     = errors.New("overdue")
	// ErrNotWhole: a snapshot was made, but without a source that was named.
	ErrNotWhole = errors.New("the snapshot is incomplete: a named source is missing")
	// ErrPartial: all was done except for some paths, or something named matched nothing.
	ErrPartial = errors.New("done, but not for every path")
	// ErrBehind: all was done here, but not on every replica.
	ErrBehind = errors.New("a replica could not be brought up to date")
	ErrFailed = errors.New("failed")
)

// An Outcome is a way in which a command or a run ends.
type Outcome struct {
	Code  int
	Kind  report.Kind // exit_error's, for programs
	Means string      // for help
	is    func(error) bool
}

// Done is how a command ends without an error.
var Done = Outcome{OK, "done", "done, or skipped because the last snapshot is recent or nothing has changed", nil}

// Outcomes are all others. If an error has several, the first one counts.
var Outcomes = []Outcome{
	{Interrupted, report.Interrupted, "interrupted", one(ErrInterrupted)},
	{Usage, report.Usage, "wrong usage or configuration: nothing was done", isUsage},
	{NeedsYes, report.NeedsYes, "--yes is needed: nothing was done", one(ErrNeedsYes)},
	{NoRepo, report.NoRepository, "no repository", one(repo.ErrNoRepository)},
	{WrongSecret, report.WrongSecret, "wrong or outdated password or key", one(repo.ErrWrongSecret, repo.ErrNewerKey)},
	{Running, report.Running, "a run is under way", one(ErrRunning)},
	{Damage, report.Damage, "damage, a hidden snapshot, or failed verification", isDamage},
	{Unreachable, report.Unreachable, "the target is out of reach", isUnreachable},
	{Overdue, report.Overdue, "overdue", one(ErrOverdue)},
	{Failed, report.Failed, "failed", one(ErrFailed)},
	{NotWhole, report.Incomplete, "done, but incomplete: a named source is missing", one(ErrNotWhole)},
	{Partial, report.Partial, "done, but some paths were not read or restored, or something named matched nothing", one(ErrPartial, repo.ErrIncomplete)},
	{Behind, report.Behind, "done, but a replica or copy is late", one(ErrBehind)},
}

func one(all ...error) func(error) bool {
	return func(err error) bool {
		return slices.ContainsFunc(all, func(e error) bool { return errors.Is(err, e) })
	}
}

// isUsage reports whether an error is about what the user has written.
func isUsage(err error) bool {
	_, pattern := errors.AsType[*repo.PatternError](err)
	return pattern || one(ErrUsage, connect.ErrConfig, repo.ErrAvoided)(err)
}

// isDamage reports whether an error is about damage, in a repository or in what was restored
// from it.
func isDamage(err error) bool {
	return one(ErrDamage, repo.ErrDamaged, repo.ErrUnreadable, repo.ErrVerification)(err)
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

// A Judged error has the outcome of another error, which its text doesn't mention.
type Judged interface{ JudgedAs() error }

// An Adorned error adds something to another error, and has the outcome of that.
type Adorned interface{ Adorns() error }

// As gives an error the outcome of another one. The text stays as it is. Nil stays nil.
func As(err, as error) error {
	if err == nil {
		return nil
	}
	return judged{err, as}
}

type judged struct {
	error
	as error
}

// Unwrap returns both.
func (j judged) Unwrap() []error { return []error{j.error, j.as} }

// JudgedAs returns the error whose outcome this one has.
func (j judged) JudgedAs() error { return j.as }

// Of returns the outcome of an error. Of joined errors, the first in the table counts. An
// unknown error is wrong usage before a target was opened, and a failure afterwards.
func Of(err error, opened bool) Outcome {
	if err == nil {
		return Done
	}
	return Outcomes[rank(err, opened)]
}

func rank(err error, opened bool) int {
	switch e := err.(type) {
	case Judged:
		return rank(e.JudgedAs(), opened)
	case Adorned:
		return rank(e.Adorns(), opened)
	}
	if parts := Joined(err); parts != nil {
		first := len(Outcomes)
		for _, part := range parts {
			first = min(first, rank(part, opened))
		}
		return first
	}
	known := slices.IndexFunc(Outcomes, func(o Outcome) bool { return o.is(err) })
	switch {
	case known >= 0:
		return known
	case !opened:
		return rank(ErrUsage, opened)
	}
	return rank(ErrFailed, opened)
}

// Joined returns the errors that errors.Join has joined: each has an outcome of its own. An
// error that wraps several in any other way counts as one.
func Joined(err error) []error {
	if reflect.TypeOf(err) == reflect.TypeOf(errors.Join(ErrFailed)) {
		return err.(interface{ Unwrap() []error }).Unwrap()
	}
	return nil
}

// OfSnapshot divides the error of taking a snapshot: why there is none, or how the command
// ends that has taken it. A snapshot is also there where it lacks something.
func OfSnapshot(m *snapshot.Manifest, err error) (none, end error) {
	switch {
	case m == nil || !errors.Is(err, repo.ErrIncomplete):
		return err, nil
	case m.Good():
		return nil, ErrPartial
	}
	return nil, ErrNotWhole
}
