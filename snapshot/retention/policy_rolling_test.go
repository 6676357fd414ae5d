package retention

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/qsnap/qsnap/snapshot"
)

func location(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// numbers returns those of some snapshots, sorted.
func numbers(ms []*snapshot.Manifest) []uint64 {
	var out []uint64
	for _, m := range ms {
		out = append(out, m.Number)
	}
	slices.Sort(out)
	return out
}

func TestTheLast72HoursRoll(t *testing.T) {
	berlin := location(t, "Europe/Berlin")
	for name, c := range map[string]struct {
		policy Policy
		clock  func(hour int, t time.Time) time.Time
	}{
		"last":   {policy: Policy{KeepLast: 72}},
		"hourly": {policy: Policy{KeepHourly: 72}},
		"both":   {policy: Policy{KeepLast: 72, KeepHourly: 72}},
		"within": {policy: Policy{KeepWithin: Span{Hours: 71}}},
		"last, by a clock that fails": {policy: Policy{KeepLast: 72}, clock: func(hour int, t time.Time) time.Time {
			switch hour % 60 {
			case 7, 8, 9, 10:
				return time.Unix(int64(hour), 0)
			case 30, 40, 41:
				return t.AddDate(1, 0, 0)
			}
			return t
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c.policy.Location = berlin
			// Daylight saving ends on the way.
			at := time.Date(2026, 10, 14, 9, 0, 7, 0, berlin)
			var left []*snapshot.Manifest
			for hour := range 500 {
				at = at.Add(time.Hour)
				stamp := at
				if c.clock != nil {
					stamp = c.clock(hour, at)
				}
				left = kept(c.policy.Decide(append(left, taken("a", uint64(hour+1), stamp)), at))
				var want []uint64
				for n := max(0, hour-71); n <= hour; n++ {
					want = append(want, uint64(n+1))
				}
				if got := numbers(left); !slices.Equal(got, want) {
					t.Fatalf("hour %d: %d are left: %v", hour, len(got), got)
				}
			}
		})
	}
}

// TestFailingClocksCostNothing runs two repositories for some months, with a forget
// every hour. The second has additional snapshots, taken by a clock that was wrong.
func TestFailingClocksCostNothing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 74))
		p := Policy{
			KeepHourly: r.IntN(72) * r.IntN(2), KeepYearly: r.IntN(2), KeepDaily: r.IntN(15), KeepWeekly: r.IntN(6),
			KeepMonthly: r.IntN(4), Location: time.UTC,
		}
		if r.IntN(4) == 0 {
			p.KeepWithin = Span{Days: 3}
		}
		var clean, dirty []*snapshot.Manifest
		number := uint64(0)
		at := epoch
		var off time.Duration
		for hour := range 1500 {
			at = at.Add(time.Hour)
			number++
			m := taken("a", number, at)
			clean, dirty = append(clean, m), append(dirty, m)
			switch {
			case hour < 60:
			case r.IntN(50) == 0:
				off = -time.Duration(1+r.IntN(2000)) * 17 * time.Minute
			case r.IntN(60) == 0:
				off = time.Duration(90+r.IntN(800)) * 17 * time.Minute
			case r.IntN(4) == 0:
				off = 0
			}
			if off != 0 {
				number++
				dirty = append(dirty, taken("a", number, at.Add(off)))
			}
			clean = kept(p.Decide(clean, at))
			decisions := p.Decide(dirty, at)
			dirty = kept(decisions)
			for _, d := range decisions {
				if !d.Keep && slices.Contains(clean, d.Manifest) {
					t.Fatalf("seed %d, hour %d, %+v: number %d is gone\n%s", seed, hour, p, d.Manifest.Number, list(decisions))
				}
			}
		}
	}
}

// TestAClockThatRestartsCostsNothing has a machine whose clock is reset to 1970 for
// some hours, while it goes on to take snapshots and to forget by that clock.
func TestAClockThatRestartsCostsNothing(t *testing.T) {
	t.Parallel()
	for _, first := range []bool{false, true} { // the first snapshot was taken by such a clock, too
		for _, outage := range []int{5, 12, 120} {
			for _, p := range []Policy{
				{KeepDaily: 7}, {KeepHourly: 24, KeepDaily: 7}, {KeepHourly: 72, KeepDaily: 30, KeepMonthly: 6},
				{KeepWithin: Span{Days: 4}}, {KeepYearly: -1, KeepDaily: 3},
			} {
				p.Location = time.UTC
				var clean, dirty []*snapshot.Manifest
				at := epoch
				const reset = 240
				for hour := range reset + outage + 170 {
					at = at.Add(time.Hour)
					now := at
					if hour >= reset && hour < reset+outage || hour == 0 && first {
						now = time.Unix(0, 0).Add(time.Duration(max(hour-reset, 0)) * time.Hour)
					}
					right, stamped := taken("a", uint64(hour+1), at), taken("a", uint64(hour+1), now)
					clean = kept(p.Decide(append(clean, right), at))
					dirty = kept(p.Decide(append(dirty, stamped), now))
					there := numbers(dirty)
					for _, n := range numbers(clean) {
						if _, ok := slices.BinarySearch(there, n); !ok && n > 1 && n <= reset {
							t.Errorf("outage of %d hours, first %v, %+v: after %d hours snapshot %d is gone", outage, first, p, hour-reset, n)
						}
					}
				}
			}
		}
	}
}
