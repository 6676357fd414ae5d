package job

import (
	"math"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo/report"
)

func TestTheHourHoldsWhatEarlierRunsTookInIt(t *testing.T) {
	until := time.Date(2026, 11, 30, 15, 0, 0, 0, time.UTC)
	ran := func(from, to time.Duration, cpu, io float64) report.Run {
		return report.Run{
			Started: until.Add(-from), Ended: until.Add(-to),
			Cost: &report.RunCost{CPU: report.Use{Mean: cpu}, IO: report.Use{Mean: io}},
		}
	}
	h := report.RunHour{CPU: 0.01, IO: 0.02}
	addHour(&h, []report.Run{
		ran(3*time.Hour, 2*time.Hour, 1, 1),                                                 // before the hour
		ran(90*time.Minute, 30*time.Minute, 0.1, 0.2),                                       // half an hour of it
		ran(30*time.Minute, 24*time.Minute, 0.1, 0.3),                                       // a tenth of an hour
		ran(-time.Minute, -time.Hour, 1, 1),                                                 // the clock was set back since
		{Started: until.Add(-time.Minute), Ended: until},                                    // its cost is not known
		{Started: until.Add(-time.Minute), Cost: &report.RunCost{CPU: report.Use{Mean: 1}}}, // it has no end
	}, until)
	if math.Abs(h.CPU-0.07) > 1e-9 || math.Abs(h.IO-0.15) > 1e-9 {
		t.Errorf("the hour is %+v", h)
	}
}
