package job

import (
	"time"

	"github.com/qsnap/qsnap/internal/history"
	"github.com/qsnap/qsnap/repo/report"
)

// longRun is how long before the hour a run may have begun that still counts for it.
const longRun = 12 * time.Hour

// addEarlier adds to the means over the hour what earlier runs of this host took in it.
func (x *running) addEarlier(c *report.RunCost) {
	if c == nil || c.Hour == nil {
		return
	}
	now := x.o.Now()
	runs, err := x.history.List(history.Filter{Since: now.Add(-time.Hour - longRun)})
	if err != nil {
		x.warn(err) // the others count
	}
	addHour(c.Hour, runs, now)
}

// addHour adds what runs took in the hour before a time. A run counts with its mean for the
// part of it that lies in the hour.
func addHour(h *report.RunHour, runs []report.Run, until time.Time) {
	from := until.Add(-time.Hour)
	for _, r := range runs {
		if r.Cost == nil {
			continue
		}
		begin, end := r.Started, r.Ended
		if begin.Before(from) {
			begin = from
		}
		if end.After(until) {
			end = until
		}
		if part := end.Sub(begin).Hours(); part > 0 {
			h.CPU += part * r.Cost.CPU.Mean
			h.IO += part * r.Cost.IO.Mean
		}
	}
}
