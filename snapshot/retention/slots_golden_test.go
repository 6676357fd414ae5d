package retention

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

// The file in testdata was made once, looked through, and is never made again.
func TestThreeDaysOfAJobAcrossDaylightSaving(t *testing.T) {
	loc := location(t, "Europe/Berlin")
	change := time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC) // from +02:00 to +01:00
	var all []*snapshot.Manifest
	take := func(slot time.Time, minute int, machine byte) *snapshot.Manifest {
		m := taken("web", uint64(len(all)+1), slot.Add(time.Duration(minute)*time.Minute))
		m.Start = slot
		m.Job = snapshot.Job{Profile: "app", Slot: slot, Installation: snapshot.Installation{machine}}
		all = append(all, m)
		return m
	}
	for hour := -80; hour <= 6; hour++ {
		slot := change.Add(time.Duration(hour) * time.Hour)
		switch {
		case hour == -40: // the machine was off
			continue
		case hour == -30:
			take(slot, 3, 1).Missing = []snapshot.Missing{{Path: "/db"}}
			take(slot, 20, 1) // again, by hand
			continue
		case hour == -20:
			take(slot, 3, 1)
			take(slot, 20, 1).Missing = []snapshot.Missing{{Path: "/db"}}
			continue
		case hour == -10:
			take(slot, 3, 1).Missing = []snapshot.Missing{{Path: "/db"}}
			continue
		case hour == -5: // the clock was wrong
			m := take(slot, 3, 1)
			m.End, m.Job.Slot = m.End.AddDate(-20, 0, 0), m.Job.Slot.AddDate(-20, 0, 0)
			continue
		}
		take(slot, 3, 1)
		if hour >= 0 && hour < 3 { // by hand, without a job, and on a clone
			take(slot, 30, 1)
			take(slot, 31, 1).Job = snapshot.Job{}
			take(slot, 32, 2)
		}
	}
	var b strings.Builder
	p := Policy{KeepLast: 72, KeepExtra: new(4), Location: loc}
	kept := 0
	for _, d := range p.Decide(all, change.Add(7*time.Hour)) {
		m, verb := d.Manifest, "forget"
		if d.Keep {
			kept++
			verb = "keep"
		}
		fmt.Fprintf(&b, "%-6s %3d machine %d %s: %s\n", verb, m.Number, m.Job.Installation[0], m.End.In(loc).Format(time.RFC3339), strings.Join(d.Reasons, ", "))
	}
	fmt.Fprintf(&b, "%d of %d\n", kept, len(all))
	const name = "testdata/retention-slots.txt"
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("decisions are not those of %s:\n%s", name, b.String())
	}
}
