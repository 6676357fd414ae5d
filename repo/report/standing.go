package report

import (
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

// A State is how a profile stands. The worst of what is known counts.
type State string

// The states, the worst first.
const (
	IsOverdue     State = "overdue"     // its last good version is too old, or there is none
	IsUnreachable State = "unreachable" // its repository was asked, and gave no answer
	IsFailing     State = "failing"     // its last run failed
	IsIncomplete  State = "incomplete"  // its last run made a version that lacks a source
	IsBehind      State = "behind"      // its last run was done, but a replica or copy is late
	IsEmpty       State = "empty"       // it has no good version, and no schedule or overdue age that promises one
	IsPaused      State = "paused"      // it does not run by schedule for the time being
	IsGood        State = "good"
)

// A Standing is how a profile stands.
type Standing struct {
	Profile    string       `json:"profile"`
	Repository string       `json:"repository,omitempty" doc:"its location"`
	State      State        `json:"state" doc:"overdue, unreachable, failing, incomplete, behind, empty, paused or good"`
	Summary    string       `json:"summary" doc:"one line"`
	Known      Knowledge    `json:"known_from" doc:"repository or records"`
	LastGood   time.Time    `json:"last_good,omitzero" doc:"when the last good version ended; none if there is none"`
	LastGoodID snapshot.ID  `json:"last_good_id,omitzero"`
	Age        float64      `json:"age_seconds" doc:"of the last good version"`
	OverdueAge float64      `json:"overdue_age_seconds,omitempty" doc:"from which age it counts as overdue"`
	Failures   int          `json:"failures" doc:"runs that have failed since the last good version"`
	Cause      string       `json:"cause,omitempty" doc:"what went wrong last"`
	NextDue    time.Time    `json:"next_due,omitzero"`
	Running    *RunProgress `json:"running,omitempty"`
	Dead       bool         `json:"dead,omitempty" doc:"the process of that run has ended without a word"`
}

// Knowledge is where what is known of a profile's versions is from.
type Knowledge string

// The sources of knowledge.
const (
	FromRepository Knowledge = "repository"
	FromRecords    Knowledge = "records"
)

// A Status is how the profiles of a host stand.
type Status struct {
	Head
	Time     time.Time  `json:"time"`
	Host     string     `json:"host"`
	Good     bool       `json:"good" doc:"no profile is overdue, unreachable or failing"`
	Summary  string     `json:"summary" doc:"one sentence"`
	Profiles []Standing `json:"profiles"`
	Others   []LiveRun  `json:"other_runs,omitempty" doc:"live runs of profiles that are not listed"`
	Service  *Service   `json:"service,omitempty" doc:"what qsnapd does, if it runs"`
}

// A LiveRun is a run that shows how far it has come.
type LiveRun struct {
	RunProgress
	Dead bool `json:"dead,omitempty" doc:"its process has ended without a word"`
}
