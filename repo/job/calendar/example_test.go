package calendar_test

import (
	"fmt"
	"time"

	"github.com/qsnap/qsnap/repo/job/calendar"
)

func ExampleCron() {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := calendar.Cron("30 2 * * *", berlin)
	if err != nil {
		fmt.Println(err)
		return
	}
	slot := time.Date(2026, 3, 28, 0, 0, 0, 0, berlin)
	for range 3 {
		slot = s.Next(slot)
		fmt.Println(slot.Format(time.RFC3339)) // the clock skips 02:30 on the 29th
	}
	_, err = calendar.Cron("*/90 * * * *", berlin)
	fmt.Println(err)
	// Output:
	// 2026-03-28T02:30:00+01:00
	// 2026-03-29T03:00:00+02:00
	// 2026-03-30T02:30:00+02:00
	// cron expression "*/90 * * * *": minute "*/90": a step of 90 is longer than the field, which has 0-59: use every, or a step that divides 60
}

func ExampleEvery() {
	s, err := calendar.Every(time.Hour)
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 11, 30, 14, 59, 0, 0, time.UTC)
	fmt.Println(s.Slot(now).Format(time.TimeOnly), s.Next(now).Format(time.TimeOnly), s.Interval(now))
	fmt.Println(s.Jitter("web1", "app") < 3*time.Minute)
	// Output:
	// 14:00:00 15:00:00 1h0m0s
	// true
}

func ExampleLevels() {
	weekly, err := calendar.ParseRecurrence("weekly", time.UTC)
	if err != nil {
		fmt.Println(err)
		return
	}
	l := calendar.Levels{Full: weekly}
	full := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	for _, day := range []int{29, 30} { // Sunday, Monday
		slot := time.Date(2026, 11, day, 14, 0, 0, 0, time.UTC)
		fmt.Println(slot.Weekday(), l.At(slot, full, time.Time{}))
	}
	// Output:
	// Sunday incremental
	// Monday full
}
