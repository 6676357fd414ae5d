package unit

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/qsnap/qsnap/repo/job/calendar"
)

// times are when runs are started: at each of the seconds of a day, on the days that are in
// all of the sets. An empty set holds all.
type times struct {
	seconds                []int
	weekdays, days, months []int
}

const (
	daySeconds = 24 * 60 * 60
	// Slots are looked at for so long, or until there are enough. After 28 years, a date
	// has been on each day of the week.
	shortest, longest = 2, 30 // years
	enough            = 5_000
	few               = 4 // of the rarest schedules, whatever the time
)

// timesOf returns the times that hold all slots of a schedule, as a clock in a zone shows
// them. Later is added to each slot.
func timesOf(s calendar.Schedule, later time.Duration, zone *time.Location, now time.Time) times {
	if s.Period() != 0 {
		return timesOfPeriod(int(s.Period()/time.Second), int(later/time.Second), zone, now)
	}
	var seconds [daySeconds]bool
	var weekdays, days, months [32]bool
	slot := s.Slot(now)
	for n := 0; !slot.IsZero(); n++ {
		if n >= few && (slot.After(now.AddDate(longest, 0, 0)) || n >= enough && slot.After(now.AddDate(shortest, 0, 0))) {
			break
		}
		t := slot.In(zone)
		seconds[t.Hour()*3600+t.Minute()*60+t.Second()] = true
		weekdays[t.Weekday()], days[t.Day()], months[t.Month()] = true, true, true
		slot = s.Next(slot)
	}
	return times{set(seconds[:]), restricted(weekdays[:], 7), restricted(days[:], 28), restricted(months[:], 12)}
}

// timesOfPeriod returns the times of the multiples of a period. If it doesn't divide a day,
// its multiples lie on those of a shorter one that does.
func timesOfPeriod(period, later int, zone *time.Location, now time.Time) (t times) {
	step := period
	for rest := daySeconds; rest != 0; {
		step, rest = rest, step%rest
	}
	found := map[int]bool{}
	for offset := range offsets(zone, now) {
		for at := 0; at < daySeconds; at += step {
			found[((at+offset+later)%daySeconds+daySeconds)%daySeconds] = true
		}
	}
	t.seconds = slices.Sorted(maps.Keys(found))
	return t
}

// offsets returns the offsets from UTC, in seconds, that a zone will have on some day.
func offsets(zone *time.Location, now time.Time) map[int]bool {
	found := map[int]bool{}
	for at := now; at.Before(now.AddDate(10, 0, 0)); at = at.Add(24 * time.Hour) {
		_, offset := at.In(zone).Zone()
		found[offset] = true
	}
	return found
}

// set returns the numbers of those that are true.
func set(is []bool) (numbers []int) {
	for i, yes := range is {
		if yes {
			numbers = append(numbers, i)
		}
	}
	return numbers
}

// restricted returns a set, or nothing if it holds all values, or so many that the others don't
// matter.
func restricted(is []bool, all int) []int {
	if numbers := set(is); len(numbers) < all {
		return numbers
	}
	return nil
}

// step returns the largest step that all times are multiples of, from one of them on.
func (t times) step() int {
	step := daySeconds
	for _, s := range t.seconds {
		for rest := s - t.seconds[0]; rest != 0; {
			step, rest = rest, step%rest
		}
	}
	return step
}

// A group is the times at each of the hours, at each of the minutes, at each of the seconds.
type group struct{ hours, minutes, seconds []int }

// groups returns the times as few groups.
func (t times) groups() []group {
	hours := map[[2]int][]int{} // by minute and second
	for _, s := range t.seconds {
		at := [2]int{s % 3600 / 60, s % 60}
		hours[at] = append(hours[at], s/3600)
	}
	var byMinute []group
	for _, at := range slices.SortedFunc(maps.Keys(hours), func(a, b [2]int) int {
		return slices.Compare([]int{a[1], a[0]}, []int{b[1], b[0]})
	}) {
		i := slices.IndexFunc(byMinute, func(g group) bool {
			return g.seconds[0] == at[1] && slices.Equal(g.hours, hours[at])
		})
		if i < 0 {
			byMinute = append(byMinute, group{hours[at], []int{at[0]}, []int{at[1]}})
			continue
		}
		byMinute[i].minutes = append(byMinute[i].minutes, at[0])
	}
	var all []group
	for _, g := range byMinute {
		i := slices.IndexFunc(all, func(other group) bool {
			return slices.Equal(g.hours, other.hours) && slices.Equal(g.minutes, other.minutes)
		})
		if i < 0 {
			all = append(all, g)
			continue
		}
		all[i].seconds = append(all[i].seconds, g.seconds...)
	}
	return all
}

// list joins numbers by commas, with at least so many digits. It is "*" for all that there
// can be, and where there is none.
func list(numbers []int, digits, all int) string {
	if len(numbers) == 0 || len(numbers) == all {
		return "*"
	}
	var words []string
	for _, n := range numbers {
		words = append(words, fmt.Sprintf("%0*d", digits, n))
	}
	return strings.Join(words, ",")
}
