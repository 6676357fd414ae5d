package history

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/qsnap/qsnap/repo/report"
)

// cause returns in one line why a run was not as it should be.
func cause(r report.Run) string {
	text := r.Message
	for _, s := range r.Steps {
		if text == "" && s.Code != 0 {
			text = s.Name + ": " + s.Message
		}
	}
	if text == "" && r.Verified != nil && r.Verified.Findings > 0 {
		text = "damage was found"
	}
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if line == "" && r.Kind != "" {
		line = string(r.Kind)
	}
	return first(cmp.Or(line, fmt.Sprintf("exit code %d", r.Code)), 200)
}

// moreOften sorts what happened most often first.
func moreOften(a, b report.Reason) int {
	return cmp.Or(b.Count-a.Count, strings.Compare(a.Text, b.Text))
}

// span returns a duration as people say it, such as "6 min" or "2 d 3 h".
func span(d time.Duration) string {
	switch d = max(0, d); {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 10*time.Hour:
		return joined(d/time.Hour, "h", d%time.Hour/time.Minute, "min")
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d < 10*24*time.Hour:
		return joined(d/(24*time.Hour), "d", d%(24*time.Hour)/time.Hour, "h")
	}
	return fmt.Sprintf("%d d", d/(24*time.Hour))
}

func joined(n time.Duration, unit string, rest time.Duration, small string) string {
	if rest == 0 {
		return fmt.Sprintf("%d %s", n, unit)
	}
	return fmt.Sprintf("%d %s %d %s", n, unit, rest, small)
}

// counted returns a count with its noun.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// percent returns a ratio so that nothing below 100 % is shown as 100 %.
func percent(ratio float64) string {
	switch {
	case ratio >= 1:
		return "100 %"
	case ratio > 0.9999:
		return "99.99 %"
	case ratio > 0.99:
		return fmt.Sprintf("%.2f %%", ratio*100)
	}
	return fmt.Sprintf("%.1f %%", ratio*100)
}
