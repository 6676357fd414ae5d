package report

import "time"

// An Estimate says what the next run of a profile will need, and all runs of a month.
type Estimate struct {
	Head
	Profile  string    `json:"profile"`
	Host     string    `json:"host"`
	Time     time.Time `json:"time"`
	Level    string    `json:"level" doc:"of the next run: full, differential or incremental"`
	Versions int       `json:"versions" doc:"from which it was estimated"`
	Files    uint64    `json:"files" doc:"of the source"`
	Bytes    uint64    `json:"bytes" doc:"of the source"`

	Next  Need  `json:"next_run" doc:"from a dry run"`
	Most  *Need `json:"next_run_most,omitempty" doc:"nine of ten runs need no more"`
	Days  int   `json:"days" doc:"in which the runs of the month will be"`
	Month *Need `json:"month,omitempty" doc:"none if too little is known"`
	// Grows is where the runs of the month leave the repository.
	Grows      *uint64 `json:"growth_bytes,omitempty" doc:"how much larger the repository will be after the month"`
	Compressed float64 `json:"compression_ratio,omitempty" doc:"what new data takes, divided by its size"`
	Saved      float64 `json:"saved_ratio,omitempty" doc:"part of all versions that was not stored because it was there"`
}

// A Need is what runs will need.
type Need struct {
	Runs     int     `json:"runs"`
	Read     uint64  `json:"bytes_read" doc:"from the source"`
	New      uint64  `json:"new_bytes" doc:"data and trees that no earlier version has"`
	Stored   uint64  `json:"stored_bytes" doc:"what these take, compressed and sealed"`
	Verified uint64  `json:"verified_bytes,omitempty" doc:"stored data that full runs read back"`
	Seconds  float64 `json:"seconds"`
}
