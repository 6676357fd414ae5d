package report

import "time"

// A Slot is a time at which a run of a profile is due.
type Slot struct {
	Head
	Profile string    `json:"profile,omitempty" doc:"none, where a schedule was given by flags"`
	Slot    time.Time `json:"slot" doc:"with the offset of its time zone"`
	Starts  time.Time `json:"starts" doc:"the slot and the jitter of this host"`
	Level   string    `json:"level" doc:"if nothing is missed: full, differential or incremental"`
}

// NewSlot returns a Slot.
func NewSlot(profile string, slot, starts time.Time, level string) Slot {
	return Slot{Head{"slot"}, profile, slot, starts, level}
}

// Scheduled is what another scheduler has been told about the runs of a profile.
type Scheduled struct {
	Head
	Profile   string   `json:"profile"`
	Scheduler string   `json:"scheduler" doc:"systemd, cron, launchd or windows-task"`
	Files     []string `json:"files" doc:"that were written or removed, are there, or would be; none if it has no files of its own"`
	Text      string   `json:"text,omitempty" doc:"what it reads"`
	Commands  []string `json:"commands,omitempty" doc:"what is left to do"`
	Warning   string   `json:"warning,omitempty"`
}

// NewScheduled returns a Scheduled whose type is installed, removed, printed or shown.
func NewScheduled(what string, s Scheduled) Scheduled {
	s.Head = Head{what}
	return s
}
