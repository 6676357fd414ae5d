package report

import (
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

// A Run is the record of one run of a profile: history keeps it, and whoever shows runs
// reads it. A run that still goes on has no Ended.
type Run struct {
	Head
	ID           string    `json:"id" doc:"of the run"`
	Op           Op        `json:"op,omitempty" doc:"restore, verification or drill; none: the job of a profile"`
	Profile      string    `json:"profile"`
	Repository   string    `json:"repository,omitempty" doc:"its location"`
	Host         string    `json:"host"`
	Installation string    `json:"installation,omitempty"`
	Trigger      Trigger   `json:"trigger"`
	Priority     int       `json:"priority,omitempty" doc:"higher runs first"`
	Level        string    `json:"level,omitempty" doc:"that was taken: full, differential or incremental"`
	Schedule     string    `json:"schedule,omitempty" doc:"of the profile when the run started"`
	Slot         time.Time `json:"slot,omitzero" doc:"the due time that the run is for"`
	Due          time.Time `json:"due,omitzero" doc:"when it was to start: the slot and its jitter"`
	Started      time.Time `json:"started"`
	Ended        time.Time `json:"ended,omitzero"`

	Code    int    `json:"code" doc:"the exit code"`
	Kind    Kind   `json:"kind,omitempty" doc:"its word; none if all was done"`
	Message string `json:"message,omitempty" doc:"what went wrong"`
	Skipped string `json:"skipped,omitempty" doc:"why nothing was done, where nothing had to be done"`

	Steps    []RunStep  `json:"steps,omitempty"`
	Snapshot *RunTaken  `json:"snapshot,omitempty" doc:"the version that was made"`
	Retained *RunKept   `json:"retention,omitempty"`
	Pruned   *RunPruned `json:"prune,omitempty"`
	Verified *RunProof  `json:"verification,omitempty"`
	Copies   []RunCopy  `json:"copies,omitempty" doc:"replicas and copies"`
	Cost     *RunCost   `json:"cost,omitempty"`

	Restored *RunRestored `json:"restore,omitempty"`
	Space    *RunSpace    `json:"space,omitempty" doc:"of the repository when the run ended"`
}

// An Op is what a run did.
type Op string

// The operations of a run.
const (
	TheJob   Op = "" // of a profile: snapshot, retention, and what follows
	ARestore Op = "restore"
	AProof   Op = "verification" // a check beside the job
	ADrill   Op = "drill"
)

// A Trigger is why a run was started.
type Trigger string

// The triggers.
const (
	ByHand     Trigger = "manual"   // a person, or a program, asked for it
	BySchedule Trigger = "schedule" // it was due
	ByCatchUp  Trigger = "catch-up" // it was due while the machine or the service was down
	ByRetry    Trigger = "retry"    // the run before it for the same slot failed
)

// A RunStep is one part of a run: before, snapshot, after, retention, prune, verification,
// copies, or a hook.
type RunStep struct {
	Name    string    `json:"name"`
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	Code    int       `json:"code" doc:"the exit code that the step alone would have"`
	Message string    `json:"message,omitempty" doc:"what went wrong"`
	Output  string    `json:"output,omitempty" doc:"the end of what a hook printed"`
}

// RunTaken is the version that a run made.
type RunTaken struct {
	ID       snapshot.ID `json:"id"`
	Good     bool        `json:"good"`
	Missing  []string    `json:"missing,omitempty" doc:"named sources that were not taken"`
	Unread   uint64      `json:"unread" doc:"files and directories that could not be read"`
	Files    uint64      `json:"files"`
	Bytes    uint64      `json:"bytes" doc:"of all files"`
	Read     uint64      `json:"bytes_read" doc:"from the source"`
	New      uint64      `json:"new_bytes" doc:"data and trees that no earlier version has"`
	Stored   uint64      `json:"stored_bytes" doc:"what these took, compressed and sealed"`
	Verified uint64      `json:"verified_bytes,omitempty" doc:"reused data that a full run read back"`
	Healed   uint64      `json:"healed_bytes,omitempty" doc:"damaged data that a full run stored again"`
}

// RunRestored is what a restore brought back.
type RunRestored struct {
	Snapshot  snapshot.ID `json:"snapshot"`
	Files     uint64      `json:"files"`
	Bytes     uint64      `json:"bytes"`
	FirstFile float64     `json:"first_file_seconds,omitempty" doc:"from the request to the first file"`
	Done      float64     `json:"done_seconds" doc:"from the request to the last file"`
}

// RunSpace is how large a repository is.
type RunSpace struct {
	Stored uint64 `json:"stored_bytes"`
	Free   uint64 `json:"free_bytes,omitempty" doc:"on its target, if that is known"`
}

// RunKept is what retention decided.
type RunKept struct {
	Kept      int `json:"kept" doc:"versions of the profile that stay"`
	Wanted    int `json:"wanted,omitempty" doc:"slots that the profile keeps"`
	Slots     int `json:"slots" doc:"slots that have a version"`
	Forgotten int `json:"forgotten"`
}

// RunPruned is what prune freed.
type RunPruned struct {
	Deleted  uint64 `json:"deleted_bytes"`
	Repacked uint64 `json:"repacked_bytes"`
	Left     uint64 `json:"unused_bytes" doc:"unused data that stays"`
}

// RunProof is the day's slice of verification.
type RunProof struct {
	Depth    int    `json:"depth" doc:"how far the verification went: from 1 to 5"`
	Slice    string `json:"slice,omitempty" doc:"which part of the data, such as 3/30"`
	Bytes    uint64 `json:"bytes" doc:"that were read"`
	Findings int    `json:"findings" doc:"how much was found damaged"`
}

// A RunCopy is what happened to one replica or copy.
type RunCopy struct {
	Location string `json:"location"`
	Bytes    uint64 `json:"bytes" doc:"that were sent"`
	Message  string `json:"message,omitempty" doc:"why it is late"`
}

// RunCost is what a run took of the machine. A ratio of 1 is all processors, or all that the
// disk can do.
type RunCost struct {
	Mode      string   `json:"mode" doc:"always, yield or off"`
	CPU       Use      `json:"cpu" doc:"ratio of the machine"`
	IO        Use      `json:"io" doc:"ratio of the disk"`
	Memory    Use      `json:"memory" doc:"bytes"`
	Hour      *RunHour `json:"hour,omitempty" doc:"means over the hour up to the end of the run, of all runs of this host"`
	Seconds   float64  `json:"cpu_seconds" doc:"processor time"`
	DiskBytes uint64   `json:"disk_bytes" doc:"read from and written to disks"`
	Disk      uint64   `json:"disk_bytes_per_second" doc:"that count as all that the disk can do"`
	Waited    float64  `json:"waited_seconds" doc:"time that the budget took"`
	Shared    string   `json:"shared,omitempty" doc:"with whom the budget was shared: host or user"`
	Remarks   []string `json:"remarks,omitempty"`
}

// Use is how much of something was used, over samples of ten seconds.
type Use struct {
	Mean   float64 `json:"mean"`
	P95    float64 `json:"p95" doc:"95th percentile"`
	Max    float64 `json:"max"`
	Budget float64 `json:"budget,omitempty" doc:"none: no limit"`
}

// RunHour is the mean use over an hour.
type RunHour struct {
	CPU float64 `json:"cpu"`
	IO  float64 `json:"io"`
}

// RunProgress is how far a run has come.
type RunProgress struct {
	Head
	ID      string    `json:"id" doc:"of the run"`
	Profile string    `json:"profile"`
	Trigger Trigger   `json:"trigger"`
	Level   string    `json:"level,omitempty"`
	Slot    time.Time `json:"slot,omitzero"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	Updated time.Time `json:"updated"`
	Step    string    `json:"step" doc:"as in the steps of a run"`
	Phase   string    `json:"phase,omitempty"`
	Done    int64     `json:"done"`
	Total   int64     `json:"total,omitempty" doc:"an estimate; none if unknown"`
	Unit    string    `json:"unit,omitempty" doc:"bytes, files, objects or snapshots"`
	Current string    `json:"current,omitempty" doc:"what is being read"`
	CPU     float64   `json:"cpu,omitempty" doc:"ratio of the machine in the last seconds"`
	IO      float64   `json:"io,omitempty" doc:"ratio of the disk in the last seconds"`
}
