package job

import (
	"fmt"
	"slices"
	"time"

	"github.com/qsnap/qsnap/internal/history"
	"github.com/qsnap/qsnap/repo/report"
)

// skip says why nothing has to be done, or nothing.
func (x *running) skip() string {
	switch {
	case x.o.Scheduled && x.p.Paused:
		return "the profile is paused"
	case x.o.Scheduled && x.schedule.IsZero():
		return "the profile has no schedule"
	}
	if _, done := x.history.Slot(x.p.Name, x.record.Slot); x.o.Scheduled && done {
		return x.slotDone()
	}
	if x.o.ID != "" && x.wasMade(x.o.ID) {
		return fmt.Sprintf("run %s was made already", x.o.ID)
	}
	if age, ok := x.lastGood(); ok && age < x.o.SkipIfYounger {
		return fmt.Sprintf("the last good version is %s old", age.Round(time.Second))
	}
	return ""
}

// wasMade reports whether there is a version by the run with an id. A scheduler that was killed
// may ask for it again.
func (x *running) wasMade(id string) bool {
	runs, err := x.history.List(history.Filter{Profile: x.p.Name, Last: lookBack})
	if err != nil {
		x.warn(err)
	}
	return slices.ContainsFunc(runs, func(r report.Run) bool { return r.ID == id && r.Snapshot != nil })
}

// slotDone says that the slot is done, at the time that a person knows it by.
func (x *running) slotDone() string {
	now, form := x.o.Now(), "15:04"
	if zone := x.schedule.Zone(); zone != time.UTC {
		now = now.In(zone)
	}
	slot := x.record.Slot.In(now.Location())
	if slot.Second() != 0 {
		form = "15:04:05"
	}
	if slot.Format(time.DateOnly) != now.Format(time.DateOnly) {
		form = "2006-01-02 " + form
	}
	return fmt.Sprintf("slot %s is done", slot.Format(form))
}
