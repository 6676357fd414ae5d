package page

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/report"
)

// Measures of a strip: the distance of cells, how many are in a row, for how many there is
// room at least, so that a few are no larger than many, and the heights of what is below them.
const (
	pitch     = 13.0
	rowCells  = 72
	leastRoom = 48
	barHeight = 30.0
	labels    = 14.0
	rowHeight = pitch + barHeight + labels + 8
)

// strip draws what became of each slot, how much new data it brought, and when that was.
func strip(p report.ProfileReport, zone *time.Location) template.HTML {
	n := len(p.Slots)
	if n == 0 {
		return ""
	}
	rows := (n + rowCells - 1) / rowCells
	per := (n + rows - 1) / rows
	most := uint64(1)
	for _, s := range p.Slots {
		most = max(most, s.New)
	}
	d := draw(float64(max(per, leastRoom))*pitch+2, float64(rows)*rowHeight, "strip", p.Profile+": "+tally(p.Slots))
	for i, s := range p.Slots {
		x, y := float64(i%per)*pitch+1, float64(i/per)*rowHeight
		d.add(`<g><title>%s</title>`, text(slotText(s, zone)))
		d.add(`<rect x="%.1f" y="%.1f" width="%g" height="%g" class="hit"/>`, x, y, pitch, pitch+barHeight)
		d.cell(x, y+1, s)
		if s.New > 0 { // by the root, so that one large slot leaves something of the others
			h := max(1, barHeight*math.Sqrt(float64(s.New)/float64(most)))
			d.rect(x+1, y+pitch+4+barHeight-h, pitch-4, h, "new")
		}
		d.add(`</g>`)
	}
	d.times(p.Slots, per, zone)
	return d.end()
}

// cell draws one slot as a shape of its own.
func (d *drawing) cell(x, y float64, s report.SlotReport) {
	const size = pitch - 2
	switch s.State {
	case report.SlotGood:
		d.rect(x, y, size, size, "good")
		if s.Late > 0 {
			d.add(`<circle cx="%.1f" cy="%.1f" r="2.4" class="mark"/>`, x+size/2, y+size/2)
		}
	case report.SlotIncomplete:
		d.rect(x+.5, y+.5, size-1, size-1, "partly")
		d.add(`<path d="M%.1f %.1fv-%gl%g %gz" class="part"/>`, x+1, y+size-1, size-2, size-2, size-2)
	case report.SlotFailed:
		d.rect(x, y, size, size, "failed")
		d.add(`<path d="M%.1f %.1fl5 5m0 -5l-5 5" class="cross"/>`, x+3, y+3)
	case report.SlotMissed:
		d.rect(x+1, y+1, size-2, size-2, "missed")
	case report.SlotForgotten:
		d.rect(x+.5, y+.5, size-1, size-1, "gone")
		d.line(x+3, y+size/2, x+size-3, y+size/2, "gone")
	case report.SlotSkipped:
		d.add(`<circle cx="%.1f" cy="%.1f" r="3.5" class="good"/>`, x+size/2, y+size/2)
	case report.SlotRunning:
		d.add(`<path d="M%.1f %.1fl8 4.5l-8 4.5z" class="running"/>`, x+2, y+1)
	case report.SlotWaiting:
		d.add(`<circle cx="%.1f" cy="%.1f" r="3.5" class="waiting"/>`, x+size/2, y+size/2)
	default:
		d.add(`<circle cx="%.1f" cy="%.1f" r="1.2" class="unknown"/>`, x+size/2, y+size/2)
	}
}

// times writes below the cells when a day begins, and the hour of some in between.
func (d *drawing) times(slots []report.SlotReport, per int, zone *time.Location) {
	last := -rowCells
	for i, s := range slots {
		t := s.Slot.In(zone)
		if i%per == 0 {
			last = i - rowCells
		}
		form := ""
		switch newDay := i == 0 || slots[i-1].Slot.In(zone).YearDay() != t.YearDay(); {
		case newDay && i-last >= 6:
			form = "Mon 2 Jan"
		case t.Hour()%6 == 0 && t.Minute() == 0 && i-last >= 5:
			form = "15:04"
		default:
			continue
		}
		if i%per > max(per, leastRoom)-4 { // it would not fit
			continue
		}
		last = i
		x, y := float64(i%per)*pitch+1, float64(i/per)*rowHeight
		class := "hour"
		if form != "15:04" {
			class = "day"
			d.line(x-1, y, x-1, y+pitch+barHeight+labels, "tick")
		}
		d.text(x+1, y+pitch+barHeight+labels, class, t.Format(form))
	}
}

// slotText describes a slot in one line.
func slotText(s report.SlotReport, zone *time.Location) string {
	text := s.Slot.In(zone).Format("Mon 2006-01-02 15:04 -07:00") + ": " + string(s.State)
	if s.Late > 0 {
		text += fmt.Sprintf(", %s late", term.Clock(time.Duration(s.Late*float64(time.Second))))
	}
	if s.Bytes > 0 {
		text += fmt.Sprintf(", %s, new %s", term.Size(s.Bytes), term.Size(s.New))
	}
	if !s.Snapshot.IsZero() {
		text += ", version " + s.Snapshot.Short()
	}
	return text + because(s.Cause)
}

// stateOrder is the order in which states are counted and explained.
var stateOrder = []report.SlotState{
	report.SlotGood, report.SlotIncomplete, report.SlotFailed, report.SlotMissed, report.SlotForgotten,
	report.SlotSkipped, report.SlotRunning, report.SlotWaiting, report.SlotUnknown,
}

// tally counts the states of slots.
func tally(slots []report.SlotReport) string {
	counts := map[report.SlotState]int{}
	late := 0
	for _, s := range slots {
		counts[s.State]++
		if s.Late > 0 {
			late++
		}
	}
	var parts []string
	for _, state := range stateOrder {
		if n := counts[state]; n > 0 && state != report.SlotUnknown {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	if late > 0 {
		parts = append(parts, fmt.Sprintf("%d late", late))
	}
	return strings.Join(parts, ", ")
}

// legend draws one cell of each state that is seen, with its name.
func legend(r report.HostReport) []key {
	seen := map[report.SlotState]bool{}
	late := false
	for _, p := range r.Profiles {
		for _, s := range p.Slots {
			seen[s.State] = true
			late = late || s.Late > 0 && s.State == report.SlotGood
		}
	}
	var keys []key
	add := func(s report.SlotReport, name string) {
		d := draw(pitch, pitch, "key", name)
		d.cell(1, 1, s)
		keys = append(keys, key{d.end(), name})
	}
	for _, state := range stateOrder {
		if seen[state] {
			add(report.SlotReport{State: state}, string(state))
		}
		if state == report.SlotGood && late {
			add(report.SlotReport{State: state, Late: 100}, "good, but started late")
		}
	}
	return keys
}

// A key explains a shape.
type key struct {
	Shape template.HTML
	Name  string
}
