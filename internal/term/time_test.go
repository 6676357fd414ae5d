package term

import (
	"testing"
	"time"
	_ "time/tzdata"
)

// A time that is shown is found, to the second, also in an hour that clocks show twice.
func TestATimeThatIsShownIsReadAsTheSameSecond(t *testing.T) {
	defer func(was *time.Location) { time.Local = was }(time.Local)
	for _, zone := range []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		time.Local = loc
		seen := map[string]bool{}
		for _, day := range []time.Time{time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC), time.Date(2026, 4, 4, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 24, 12, 0, 0, 0, time.UTC), time.Date(2026, 10, 31, 12, 0, 0, 0, time.UTC)} {
			for minutes := 0; minutes < 2*24*60; minutes += 5 {
				end := day.Add(time.Duration(minutes)*time.Minute + 17*time.Second + 300*time.Millisecond)
				shown := LocalTime(end)
				if seen[shown] {
					t.Errorf("%s: %s is shown for two times", zone, shown)
				}
				seen[shown] = true
				for _, text := range []string{shown, end.Format(time.RFC3339), end.Format(time.RFC3339Nano)} {
					at, err := ParseTime(text, day.In(loc))
					if err != nil || at.Before(end) || at.Unix() != end.Unix() {
						t.Fatalf("%s: %q is read as %v, %v; it was %v", zone, text, at, err, end)
					}
				}
			}
		}
	}
}
