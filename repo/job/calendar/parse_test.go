package calendar_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo/job/calendar"
)

func TestCronExpressionsThatAreRefusedSayWhy(t *testing.T) {
	for expr, want := range map[string]string{
		"":                                      "it is empty",
		"* * * *":                               "it has 4 of the five fields: minute, hour",
		"0 * * * * *":                           "it has 6 fields, and five are allowed",
		"0 0 * * * * 2026":                      "there are no seconds and no years",
		"@reboot":                               "use @hourly, @daily",
		"@every 1h":                             "use @hourly, @daily",
		"TZ=UTC * * * * *":                      "a time zone is a setting of its own",
		"60 * * * *":                            `minute "60": 60 is not within 0-59`,
		"* 24 * * *":                            `hour "24": 24 is not within 0-23`,
		"* * 0 * *":                             `day of month "0": 0 is not within 1-31`,
		"* * * 13 *":                            `month "13": 13 is not within 1-12`,
		"* * * * 8":                             `day of week "8": 8 is not within 0-7`,
		"x * * * *":                             `minute "x": "x" is not a number`,
		"-1 * * * *":                            `a number is missing`,
		"1- * * * *":                            `a number is missing`,
		", * * * *":                             `a number is missing`,
		"1,,2 * * * *":                          `a number is missing`,
		"*/ * * * *":                            `the step a number is missing`,
		"*/0 * * * *":                           `a step of 0 leads nowhere`,
		"5/15 * * * *":                          `a step needs a range, such as 5-59/15`,
		"*/90 * * * *":                          `a step of 90 is longer than the field, which has 0-59: use every`,
		"*/45 * * * *":                          `a step of 45 is not even: the field has 0-59 and begins again after 59; use every, or write 0-59/45`,
		"0 */5 * * *":                           `write 0-23/5 if you mean that`,
		"0 0 */2 * *":                           `write 1-31/2 if you mean that`,
		"0 0 * */5 *":                           `write 1-12/5 if you mean that`,
		"0 0 * * */2":                           `write 0-6/2 if you mean that`,
		"10-20/30 * * * *":                      `the step 30 is longer than the range 10-20`,
		"20-10 * * * *":                         `the range 20-10 ends before it begins`,
		"0 0 31 2 *":                            `it can never be due: no such month has that day`,
		"0 0 30,31 feb *":                       `it can never be due`,
		"0 0 31 4,6,9,11 *":                     `it can never be due`,
		"0 0 31 2 */7":                          `it can never be due`,
		"0 0 L * *":                             `"L" is not a number: numbers, ranges, lists and steps are allowed`,
		"0 0 * * mon#2":                         `"mon#2" is not a number`,
		"0 0 ? * mon":                           `"?" is not a number`,
		"1000 * * * *":                          `"1000" is too large`,
		"0 * * * ١":                             `is not a number`,
		strings.Repeat("1,", 600) + "1 * * * *": "it has more than 1000 bytes",
	} {
		if s, err := calendar.Cron(expr, time.UTC); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %s, %v; want %q", expr, s, err, want)
		}
	}
}

func TestCronExpressionsAreDueWhenTheySay(t *testing.T) {
	const after = "2026-11-30T14:59:00Z" // a Monday
	for expr, want := range map[string][]string{
		"@hourly":            {"11-30 15:00", "11-30 16:00"},
		"@daily":             {"12-01 00:00", "12-02 00:00"},
		"@midnight":          {"12-01 00:00", "12-02 00:00"},
		"@weekly":            {"12-06 00:00", "12-13 00:00"},
		"@monthly":           {"12-01 00:00", "01-01 00:00"},
		"@Yearly":            {"01-01 00:00", "01-01 00:00"},
		"@annually":          {"01-01 00:00", "01-01 00:00"},
		"*/20 * * * *":       {"11-30 15:00", "11-30 15:20", "11-30 15:40", "11-30 16:00"},
		"*/60 */24 * * *":    {"12-01 00:00", "12-02 00:00"},
		"5,1-3 16 * * *":     {"11-30 16:01", "11-30 16:02", "11-30 16:03", "11-30 16:05", "12-01 16:01"},
		"0 8-18/5 * * *":     {"11-30 18:00", "12-01 08:00", "12-01 13:00"},
		"0 0 * * 7":          {"12-06 00:00", "12-13 00:00"},
		"0 0 * * SUN":        {"12-06 00:00", "12-13 00:00"},
		"0 0 * * 5-7":        {"12-04 00:00", "12-05 00:00", "12-06 00:00", "12-11 00:00"},
		"0 0 * * fri-sun":    {"12-04 00:00", "12-05 00:00", "12-06 00:00", "12-11 00:00"},
		"0 0 * * sun-tue":    {"12-01 00:00", "12-06 00:00", "12-07 00:00"},
		"0 0 1-31/10 * *":    {"12-01 00:00", "12-11 00:00", "12-21 00:00", "12-31 00:00", "01-01 00:00"},
		"0 0 13 * fri":       {"12-04 00:00", "12-11 00:00", "12-13 00:00", "12-18 00:00"},
		"0 0 13 * */7":       {"12-13 00:00", "06-13 00:00"}, // both, because one begins with *
		"0 0 31 2 fri":       {"02-05 00:00", "02-12 00:00"}, // either
		"0 0 31 jan-apr *":   {"01-31 00:00", "03-31 00:00", "01-31 00:00"},
		"59 23 31 dec-dec *": {"12-31 23:59", "12-31 23:59"},
	} {
		s, err := calendar.Cron(expr, time.UTC)
		if err != nil {
			t.Error(err)
			continue
		}
		var got []string
		for slot := at(t, after); len(got) < len(want); {
			slot = s.Next(slot)
			got = append(got, slot.Format("01-02 15:04"))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q is due at %q, want %q", expr, got, want)
		}
	}
}

func FuzzCron(f *testing.F) {
	for _, expr := range []string{"* * * * *", "*/5 1-3,7 29 feb mon-fri", "@daily", "0 0 29 2 */7", "*/90 * * * *", "0 0 31 2 *"} {
		f.Add(expr, int64(1796050740))
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, expr string, seconds int64) {
		s, err := calendar.Cron(expr, berlin)
		if err != nil {
			return
		}
		again, err := calendar.Cron(strings.TrimSuffix(strings.TrimPrefix(s.String(), "cron "), " Europe/Berlin"), berlin)
		if err != nil || again.String() != s.String() {
			t.Fatalf("%q prints as %s, which is %s: %v", expr, s, again, err)
		}
		now := time.Unix(seconds%(1<<33), 0)
		next := s.Next(now)
		if !next.After(now) || !s.Slot(next).Equal(next) || s.Slot(now).After(now) {
			t.Fatalf("%s at %s: next %s, its slot %s, slot %s", s, now, next, s.Slot(next), s.Slot(now))
		}
		if before := s.Slot(next.Add(-time.Nanosecond)); before.After(now) {
			t.Fatalf("%s: %s lies between %s and its next slot %s", s, before, now, next)
		}
	})
}
