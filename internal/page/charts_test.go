package page

import (
	"regexp"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo/report"
)

func TestTheTimesBelowAChartDiffer(t *testing.T) {
	labels := regexp.MustCompile(`class="hour"[^>]*>([^<]*)<`)
	for _, span := range []time.Duration{2 * time.Second, 20 * time.Second, 5 * time.Minute, time.Hour, 72 * time.Hour, 96 * time.Hour, 30 * 24 * time.Hour, 400 * 24 * time.Hour} {
		svg := sizes(report.RepositoryReport{Sizes: []report.SizeReport{{Time: now.Add(-span), Stored: 1 << 20}, {Time: now, Stored: 2 << 20}}}, now)
		seen := map[string]bool{}
		for _, found := range labels.FindAllStringSubmatch(string(svg), -1) {
			if seen[found[1]] {
				t.Errorf("a chart of %s says %q twice", span, found[1])
			}
			seen[found[1]] = true
		}
		if len(seen) < 3 {
			t.Errorf("a chart of %s has only the times %v", span, seen)
		}
	}
}

func TestFewSlotsAreNoLargerThanMany(t *testing.T) {
	box := regexp.MustCompile(`viewBox="0 0 (\d+) `)
	for n, want := range map[int]string{1: "626", 5: "626", 48: "626", 72: "938"} {
		drawn := string(strip(report.ProfileReport{Slots: slotsOf(n, 1)}, time.UTC))
		if got := box.FindStringSubmatch(drawn); got == nil || got[1] != want {
			t.Errorf("%d slots are drawn %v wide, want %s", n, got, want)
		}
		if regexp.MustCompile(`class="day"`).FindString(drawn) == "" {
			t.Errorf("%d slots have no day", n)
		}
	}
}
