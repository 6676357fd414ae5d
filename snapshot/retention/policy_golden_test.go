package retention

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

// The files in testdata were made once, looked through, and are never made again.
func TestAYearOfHoursAcrossDaylightSaving(t *testing.T) {
	for zone, changes := range map[string][2]time.Time{
		"Europe/Berlin":       {time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC)},
		"America/New_York":    {time.Date(2026, 3, 8, 7, 0, 0, 0, time.UTC), time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC)},
		"Australia/Lord_Howe": {time.Date(2026, 4, 4, 15, 0, 0, 0, time.UTC), time.Date(2026, 10, 3, 15, 30, 0, 0, time.UTC)},
	} {
		loc := location(t, zone)
		var b strings.Builder
		for _, change := range changes {
			_, before := change.Add(-time.Second).In(loc).Zone()
			if _, after := change.In(loc).Zone(); before == after {
				t.Fatalf("nothing changes in %s at %v", zone, change)
			}
			now := change.Truncate(time.Hour).Add(7 * time.Hour)
			var year []*snapshot.Manifest
			for hour := range 366 * 24 {
				year = append(year, taken("a", uint64(hour+1), now.Add(time.Duration(hour+1-366*24)*time.Hour)))
			}
			p := Policy{
				KeepLast: 2, KeepHourly: 12, KeepDaily: 9, KeepWeekly: 6, KeepMonthly: 14, KeepYearly: 3,
				KeepWithin: Span{Days: 1, Hours: 2}, Location: loc,
			}
			fmt.Fprintf(&b, "now %s\n", now.In(loc).Format(time.RFC3339))
			for _, d := range p.Decide(year, now) {
				if d.Keep {
					fmt.Fprintf(&b, "%d %s: %s\n", d.Manifest.Number, d.Manifest.End.In(loc).Format(time.RFC3339), strings.Join(d.Reasons, ", "))
				}
			}
		}
		name := "testdata/retention-" + strings.ToLower(strings.ReplaceAll(zone[strings.Index(zone, "/")+1:], "_", "-")) + ".txt"
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if b.String() != string(want) {
			t.Errorf("%s: decisions are not those of %s:\n%s", zone, name, b.String())
		}
	}
}
