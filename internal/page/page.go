package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/report"
)

//go:embed page.html
var layout string

//go:embed style.css
var style string

// Write writes the report of a host as an HTML file. version is the program's.
func Write(w io.Writer, r report.HostReport, version string) error {
	zone := r.Time.Location()
	t := template.New("page").Funcs(template.FuncMap{
		"name":     term.Printable,
		"size":     func(n uint64) string { return term.Size(n) },
		"rate":     func(perDay float64) string { return signed(perDay) },
		"count":    func(n int) string { return term.Count(n) },
		"percent":  usedOf,
		"seconds":  func(s float64) string { return term.Duration(time.Duration(s * float64(time.Second))) },
		"time":     func(t time.Time) string { return t.In(zone).Format("2006-01-02 15:04") },
		"day":      func(t time.Time) string { return t.In(zone).Format("2 January 2006") },
		"strip":    func(p report.ProfileReport) template.HTML { return strip(p, zone) },
		"tally":    tally,
		"bad":      func(slots []report.SlotReport) []string { return bad(slots, zone) },
		"ring":     ring,
		"promise":  promiseText,
		"versions": versions,
		"ratio":    func(u report.Use, name string) template.HTML { return budget(u, name, usedOf) },
		"bytes":    func(u report.Use, name string) template.HTML { return budget(u, name, sizeOf) },
		"ratios":   func(u report.Use) string { return useText(u, usedOf) },
		"sizesOf":  func(u report.Use) string { return useText(u, sizeOf) },
		"savings":  savings,
		"sizes":    func(r report.RepositoryReport) template.HTML { return sizes(r, r.Sizes[len(r.Sizes)-1].Time.In(zone)) },
	})
	if _, err := t.Parse(layout); err != nil {
		return err
	}
	return t.Execute(w, struct {
		report.HostReport
		Style   template.CSS
		Version string
		Legend  []key
		Zone    string
		Mood    string
	}{r, template.CSS(style), version, legend(r), r.Time.Format("-07:00"), mood(r)})
}

// mood is how bad it is: well, warn if the versions are there all the same, or bad.
func mood(r report.HostReport) string {
	if r.Good {
		return "well"
	}
	for _, p := range r.Profiles {
		switch p.State {
		case report.IsGood, report.IsPaused, report.IsEmpty, report.IsBehind:
		default:
			return "bad"
		}
	}
	if !r.Proofs.Held || !r.Restores.Success.Held || !r.Drills.Held {
		return "bad"
	}
	return "warn"
}

func sizeOf(v float64) string { return term.Size(int64(v)) }

// signed returns a number of bytes that may be negative.
func signed(v float64) string {
	if v < 0 {
		return "−" + term.Size(int64(-v))
	}
	return "+" + term.Size(int64(v))
}

// useText describes what was used of something.
func useText(u report.Use, show func(float64) string) string {
	text := fmt.Sprintf("mean %s, p95 %s, max %s", show(u.Mean), show(u.P95), show(u.Max))
	if u.Budget > 0 {
		text += ", budget " + show(u.Budget)
	}
	return text
}

// maxBad is how many lines of them there are.
const maxBad = 12

// bad describes the slots that are not as they should be, the newest first. Neighbours with
// the same fate share a line.
func bad(slots []report.SlotReport, zone *time.Location) (lines []string) {
	for i := len(slots) - 1; i >= 0 && len(lines) < maxBad; {
		s := slots[i]
		first := i
		for first > 0 && s.Late == 0 && slots[first-1].Late == 0 && slots[first-1].State == s.State && slots[first-1].Cause == s.Cause {
			first--
		}
		if isBad(s) && first < i {
			lines = append(lines, fmt.Sprintf("%s: %d slots %s%s", span(slots[first].Slot.In(zone), s.Slot.In(zone)), i-first+1, s.State, because(s.Cause)))
		} else if isBad(s) {
			lines = append(lines, slotText(s, zone))
		}
		i = first - 1
	}
	return lines
}

func isBad(s report.SlotReport) bool {
	switch s.State {
	case report.SlotIncomplete, report.SlotFailed, report.SlotMissed:
		return true
	}
	return s.Late > 0
}

// span returns a span of time as people write it.
func span(from, to time.Time) string {
	form := "Mon 2006-01-02 15:04"
	if from.YearDay() == to.YearDay() && from.Year() == to.Year() {
		form = "15:04"
	}
	return from.Format("Mon 2006-01-02 15:04") + " – " + to.Format(form)
}

func because(cause string) string {
	if cause == "" {
		return ""
	}
	return ": " + cause
}

// versions returns the slots that have a version as a promise.
func versions(v report.VersionReport) report.Promise {
	p := report.Promise{Kept: min(v.Slots, max(v.Wanted, v.Possible)), Of: v.Wanted, Ratio: 1, Goal: 1, Held: v.Enough}
	if v.Wanted > 0 {
		p.Ratio = min(1, float64(v.Slots)/float64(v.Wanted))
	}
	return p
}
