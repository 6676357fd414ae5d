package report

import "time"

// Service is what the service of a host does.
type Service struct {
	Head
	Version  string           `json:"version"`
	PID      int              `json:"pid"`
	Started  time.Time        `json:"started"`
	Paused   bool             `json:"paused" doc:"no scheduled run starts"`
	Profiles []ServiceProfile `json:"profiles"`
	Running  []RunProgress    `json:"running"`
	Queue    []Queued         `json:"queue" doc:"in the order in which they start"`
}

// A ServiceProfile is what the service knows of a profile.
type ServiceProfile struct {
	Name   string    `json:"name"`
	Paused bool      `json:"paused"`
	Next   time.Time `json:"next_due,omitzero"`
	Slot   time.Time `json:"slot,omitzero" doc:"the newest that is due"`
	Ended  time.Time `json:"ended,omitzero" doc:"of the last run that the service made"`
	Code   int       `json:"code" doc:"the exit code of that run"`
}

// A Queued run waits for its turn.
type Queued struct {
	ID       string    `json:"id" doc:"of the run"`
	Profile  string    `json:"profile"`
	Position int       `json:"position" doc:"from 1"`
	Trigger  Trigger   `json:"trigger"`
	Level    string    `json:"level,omitempty"`
	Priority int       `json:"priority"`
	Slot     time.Time `json:"slot,omitzero"`
	Due      time.Time `json:"due"`
	Failed   int       `json:"failed,omitempty" doc:"runs for the same slot that failed"`
	Why      string    `json:"why" doc:"it waits"`
}

// RunRequested is a run by hand that waits for its turn, or has started.
type RunRequested struct {
	Head
	ID       string `json:"id" doc:"of the run"`
	Profile  string `json:"profile"`
	Level    string `json:"level,omitempty"`
	Priority int    `json:"priority"`
}

// NewService returns a Service without what it does.
func NewService(version string, pid int, started time.Time, paused bool) Service {
	return Service{
		Head: Head{"service"}, Version: version, PID: pid, Started: started, Paused: paused,
		Profiles: []ServiceProfile{}, Running: []RunProgress{}, Queue: []Queued{},
	}
}

// NewRunRequested returns a RunRequested.
func NewRunRequested(id, profile, level string, priority int) RunRequested {
	return RunRequested{Head{"run_requested"}, id, profile, level, priority}
}

// A LogLine is a line of the log of a run. It may have further members.
type LogLine struct {
	Time    time.Time `json:"time"`
	Level   string    `json:"level" doc:"DEBUG, INFO, WARN or ERROR"`
	Message string    `json:"msg"`
}
