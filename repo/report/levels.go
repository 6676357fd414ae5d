package report

import (
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

// A HostReport says how well the runs of a host have kept what was promised.
type HostReport struct {
	Head
	Time         time.Time          `json:"time"`
	Since        time.Time          `json:"since"`
	Host         string             `json:"host"`
	Installation string             `json:"installation,omitempty"`
	Good         bool               `json:"good" doc:"nothing needs attention"`
	Summary      string             `json:"summary" doc:"one sentence; the worst state wins"`
	Attention    []string           `json:"attention" doc:"what needs attention, one line each"`
	Profiles     []ProfileReport    `json:"profiles"`
	Repositories []RepositoryReport `json:"repositories"`
	Restores     RestoreReport      `json:"restores"`
	Drills       Promise            `json:"drills" doc:"that succeeded"`
	Proofs       Promise            `json:"verifications" doc:"that found no damage"`
	Silent       []SilentHost       `json:"silent_hosts,omitempty"`
	Unreadable   []string           `json:"unreadable_records,omitempty" doc:"what the history could not read"`
}

// A Promise is how often something was as it was promised.
type Promise struct {
	Kept   int      `json:"kept"`
	Of     int      `json:"of"`
	Ratio  float64  `json:"ratio" doc:"1 if there was nothing to keep"`
	Goal   float64  `json:"goal"`
	Held   bool     `json:"held" doc:"the ratio reaches the goal"`
	Causes []Reason `json:"causes,omitempty" doc:"of what was not as promised"`
}

// A Reason is why something went wrong.
type Reason struct {
	Text  string `json:"text"`
	Count int    `json:"count"`
}

// A ProfileReport says how well one profile has kept what was promised.
type ProfileReport struct {
	Standing
	Schedule string        `json:"schedule,omitempty"`
	Slots    []SlotReport  `json:"slots" doc:"the last ones, the newest last"`
	OnTime   Promise       `json:"on_time" doc:"slots whose run started within a minute after it was due"`
	Success  Promise       `json:"success" doc:"runs that made a good version"`
	Versions VersionReport `json:"versions"`
	Last     *RunTaken     `json:"last,omitempty" doc:"the last version that a run made"`
	Cost     *CostReport   `json:"cost,omitempty"`
}

// A SlotState is what became of a slot.
type SlotState string

// The states of a slot.
const (
	SlotGood       SlotState = "good"
	SlotIncomplete SlotState = "incomplete" // it has a version that lacks a source
	SlotFailed     SlotState = "failed"     // its runs made no version
	SlotMissed     SlotState = "missed"     // no run started for it
	SlotForgotten  SlotState = "forgotten"  // the repository has its version no more
	SlotSkipped    SlotState = "skipped"    // its run found that nothing had to be done
	SlotRunning    SlotState = "running"
	SlotWaiting    SlotState = "waiting" // it is not late yet
	SlotUnknown    SlotState = "unknown" // it was before the first run
)

// A SlotReport is what became of one slot.
type SlotReport struct {
	Slot     time.Time   `json:"slot"`
	State    SlotState   `json:"state" doc:"good, incomplete, failed, missed, forgotten, skipped, running, waiting or unknown"`
	Late     float64     `json:"late_seconds,omitempty" doc:"how long after it was due its first run started, if that is more than a minute"`
	Snapshot snapshot.ID `json:"snapshot,omitzero"`
	New      uint64      `json:"new_bytes,omitempty"`
	Bytes    uint64      `json:"bytes,omitempty"`
	Cause    string      `json:"cause,omitempty"`
}

// A VersionReport compares the versions that are kept with those that are wanted.
type VersionReport struct {
	Kept     int       `json:"kept"`
	Good     int       `json:"good"`
	Slots    int       `json:"slots" doc:"slots that have a version"`
	Wanted   int       `json:"wanted,omitempty" doc:"slots that the profile keeps"`
	Possible int       `json:"possible" doc:"how many of these have passed since the first run"`
	Enough   bool      `json:"enough" doc:"as many slots have a version as possible"`
	Oldest   time.Time `json:"oldest,omitzero"`
	Newest   time.Time `json:"newest,omitzero"`
}

// A CostReport compares what runs took of the machine with their budget.
type CostReport struct {
	Runs       int     `json:"runs"`
	CPU        Use     `json:"cpu" doc:"ratio of the machine"`
	IO         Use     `json:"io" doc:"ratio of the disk"`
	Memory     Use     `json:"memory" doc:"bytes"`
	Hour       RunHour `json:"hour" doc:"the means over the busiest hour of this host"`
	Over       int     `json:"over" doc:"runs whose mean exceeded a budget by more than 2 points"`
	Seconds    float64 `json:"cpu_seconds" doc:"processor time of all runs"`
	DiskBytes  uint64  `json:"disk_bytes"`
	Duration   float64 `json:"median_seconds" doc:"how long a run takes"`
	DurationUp float64 `json:"p95_seconds"`
}

// A RepositoryReport says how much one repository stores, and how that grows.
type RepositoryReport struct {
	Location string   `json:"location"`
	Profiles []string `json:"profiles"`
	// The next four are 0 if the repository was not asked.
	Versions    int          `json:"versions"`
	FullBytes   uint64       `json:"full_bytes" doc:"what full copies of all versions would take"`
	UniqueBytes uint64       `json:"unique_bytes" doc:"what is left of them after deduplication"`
	Stored      uint64       `json:"stored_bytes" doc:"what is left after compression, with all that a repository needs"`
	Saved       float64      `json:"saved_ratio" doc:"against full copies"`
	SavedGoal   float64      `json:"saved_goal"`
	Dedup       float64      `json:"saved_by_deduplication" doc:"ratio of the full copies"`
	Compression float64      `json:"saved_by_compression" doc:"ratio of the unique bytes"`
	PerDay      float64      `json:"growth_bytes_per_day"`
	Free        uint64       `json:"free_bytes,omitempty" doc:"on its target"`
	FullOn      time.Time    `json:"full_on,omitzero" doc:"a forecast; none if it does not grow, or not within ten years"`
	Sizes       []SizeReport `json:"sizes,omitempty" doc:"how large it was, the newest last"`
}

// A SizeReport is how large a repository was at a time.
type SizeReport struct {
	Time   time.Time `json:"time"`
	Stored uint64    `json:"stored_bytes"`
}

// A RestoreReport says how restores went.
type RestoreReport struct {
	Success   Promise `json:"success"`
	InTime    Promise `json:"in_time" doc:"restores that were done within the goal"`
	Goal      float64 `json:"goal_seconds"`
	FirstFile Times   `json:"first_file" doc:"from the request to the first file"`
	Done      Times   `json:"done" doc:"from the request to the last file"`
}

// Times says how long something took, in seconds.
type Times struct {
	Median float64 `json:"median_seconds"`
	Max    float64 `json:"max_seconds"`
}

// A SilentHost is a host that has made no version for long.
type SilentHost struct {
	Host   string    `json:"host"`
	Newest time.Time `json:"newest" doc:"when its newest version ended"`
	Next   string    `json:"next" doc:"a command that forgets its versions"`
}
