package governor

import (
	"fmt"
	"time"
)

// A Mode says when a run is slowed down.
type Mode string

// The modes.
const (
	Always Mode = "always" // keep the budget, whether or not the machine is idle
	Yield  Mode = "yield"  // use what is idle, and give way at once
	Off    Mode = "off"    // only measure
)

// Limits are a budget. A ratio of 1 is all processors, or all that the disk can do. Zero
// means no limit.
type Limits struct {
	Mode Mode
	CPU  float64
	IO   float64
}

// DefaultLimits are those of scheduled runs.
var DefaultLimits = Limits{Mode: Always, CPU: 0.10, IO: 0.30}

// DefaultMemory is how many bytes of memory scheduled runs use.
const DefaultMemory = 256 << 20

// valid returns an error for limits that can't be meant.
func (l Limits) valid() error {
	switch {
	case l.Mode != Always && l.Mode != Yield && l.Mode != Off:
		return fmt.Errorf("the mode of the limits is %q: it must be always, yield or off", l.Mode)
	case l.CPU < 0 || l.CPU > 1:
		return fmt.Errorf("the limit of processor time is %.0f%%: it must be between 0 and 100%%", 100*l.CPU)
	case l.IO < 0 || l.IO > 1:
		return fmt.Errorf("the limit of I/O is %.0f%%: it must be between 0 and 100%%", 100*l.IO)
	}
	return nil
}

// Config says what a Governor holds. Limits must be set.
type Config struct {
	// Limits returns the budget at a time. It is asked again every few seconds, so that the
	// budget may depend on the time of day. See Constant.
	Limits func(at time.Time) Limits
	// Disk is how many bytes a second are all that the disk can do. If it is zero, Seen
	// counts, the best rate that this host has seen; if that is zero, too, 100 MB.
	Disk, Seen int64
	// Memory is how many bytes of memory the run should use, for the report.
	Memory int64
	// Share is the budget that is shared with other runs. Nil shares it with none.
	Share *Share
	// Now tells the time. Nil is time.Now.
	Now func() time.Time

	meter meter // for tests
}

// Constant returns limits that don't depend on the time.
func Constant(l Limits) func(time.Time) Limits { return func(time.Time) Limits { return l } }

// unknownDisk is how many bytes a second a disk is taken to do that nobody has measured.
const unknownDisk = 100 << 20
