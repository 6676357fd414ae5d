package calendar_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo/job/calendar"
)

// An expression is a cron expression as sets of values, from which its text is made.
type expression struct {
	values [5][]int
	star   [5]bool // it begins with "*"
}

var lowest, highest = [5]int{0, 0, 1, 1, 0}, [5]int{59, 23, 31, 12, 6}

// randomExpression draws an expression that is due at least about once a year.
func randomExpression(r *rand.Rand) (e expression) {
	for i := range e.values {
		switch steps := map[int][]int{0: {1, 5, 15, 20, 30}, 1: {1, 2, 3, 6}}[i]; {
		case r.IntN(3) == 0 || i > 1 && r.IntN(2) == 0: // "*", or "*" and a step
			step := 1
			if steps != nil {
				step = steps[r.IntN(len(steps))]
			}
			e.star[i] = true
			for v := lowest[i]; v <= highest[i]; v += step {
				e.values[i] = append(e.values[i], v)
			}
		default:
			for range 1 + r.IntN(4) {
				e.values[i] = append(e.values[i], lowest[i]+r.IntN(min(highest[i], 28)-lowest[i]+1))
			}
			slices.Sort(e.values[i])
			e.values[i] = slices.Compact(e.values[i])
		}
	}
	return e
}

func (e expression) String() string {
	var fields []string
	for i, values := range e.values {
		var text []string
		for _, v := range values {
			text = append(text, strconv.Itoa(v))
		}
		field := strings.Join(text, ",")
		if e.star[i] {
			field = "*"
			if len(values) > 1 && values[1]-values[0] > 1 {
				field = fmt.Sprintf("*/%d", values[1]-values[0])
			}
		}
		fields = append(fields, field)
	}
	return strings.Join(fields, " ")
}

// matches reports whether the expression matches what a clock shows.
func (e expression) matches(wall time.Time) bool {
	has := func(i, v int) bool { return slices.Contains(e.values[i], v) }
	if !has(0, wall.Minute()) || !has(1, wall.Hour()) || !has(3, int(wall.Month())) {
		return false
	}
	day, weekday := has(2, wall.Day()), has(4, int(wall.Weekday()))
	if e.star[2] || e.star[4] {
		return day && weekday
	}
	return day || weekday
}

// slots does what cron(8) does at each minute, and returns the minutes at which it starts
// something. Walls are what the clock shows at each minute from the first on.
func (e expression) slots(walls []time.Time) (minutes []int) {
	virtual := walls[0].Add(-time.Minute)
	for m, wall := range walls {
		due := false
		switch jump := wall.Sub(virtual); {
		case jump <= 0 && jump > -3*time.Hour: // put back: fixed times wait for the clock
			due = !e.isFixed() && e.matches(wall)
		case jump > time.Minute && jump < 3*time.Hour && e.isFixed():
			for t := virtual.Add(time.Minute); !t.After(wall); t = t.Add(time.Minute) {
				due = due || e.matches(t)
			}
			virtual = wall
		default:
			due, virtual = e.matches(wall), wall
		}
		if due {
			minutes = append(minutes, m)
		}
	}
	return minutes
}

func (e expression) isFixed() bool { return !e.star[0] && !e.star[1] }

// clock returns what the clock of a zone shows at each minute of three years.
func clock(zone *time.Location, from time.Time) (walls []time.Time) {
	for at := from; at.Before(from.AddDate(3, 0, 0)); at = at.Add(time.Minute) {
		_, offset := at.In(zone).Zone()
		walls = append(walls, at.Add(time.Duration(offset)*time.Second).UTC())
	}
	return walls
}

func TestNoSlotIsLostOrAddedInThreeYears(t *testing.T) {
	const seed, expressions = 16, 6
	for i, c := range []struct{ zone, from string }{
		{"Europe/Berlin", "2026-01-01T12:00:00Z"},
		{"America/New_York", "2039-06-01T12:00:00Z"}, // by the rule, no longer by the table
		{"Australia/Lord_Howe", "2026-01-01T12:00:00Z"},
		{"America/Santiago", "2026-01-01T12:00:00Z"},
	} {
		t.Run(strings.ReplaceAll(c.zone, "/", " "), func(t *testing.T) {
			t.Parallel()
			from := at(t, c.from)
			zone, err := time.LoadLocation(c.zone)
			if err != nil {
				t.Fatal(err)
			}
			walls, r := clock(zone, from), rand.New(rand.NewPCG(seed, uint64(i)))
			for range expressions {
				e := randomExpression(r)
				s, err := calendar.Cron(e.String(), zone)
				if err != nil {
					t.Fatal(err)
				}
				sameSlots(t, s, from, e.slots(walls), len(walls))
			}
		})
	}
}

// sameSlots compares the slots of a schedule within some minutes with those of the model.
func sameSlots(t *testing.T, s calendar.Schedule, from time.Time, minutes []int, all int) {
	t.Helper()
	end := from.Add(time.Duration(all) * time.Minute)
	slot := s.Next(from.Add(-1))
	for _, m := range minutes {
		want := from.Add(time.Duration(m) * time.Minute)
		if !slot.Equal(want) {
			t.Fatalf("%s: got %s, want %s", s, slot, want.In(s.Zone()))
		}
		next := s.Next(slot)
		for _, at := range []time.Time{slot, slot.Add(1), slot.Add(next.Sub(slot) / 2), next.Add(-1)} {
			if !s.Slot(at).Equal(slot) || !s.Next(at).Equal(next) {
				t.Fatalf("%s: at %s the slot is %s and the next %s, want %s and %s", s, at.In(s.Zone()), s.Slot(at), s.Next(at), slot, next)
			}
		}
		slot = next
	}
	if slot.Before(end) {
		t.Fatalf("%s: %s is none of its slots", s, slot)
	}
}
