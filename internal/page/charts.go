package page

import (
	"fmt"
	"html/template"
	"math"
	"time"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/report"
)

// ring draws a promise as a ring: the part that was kept. What was not kept is never too
// thin to be seen.
func ring(p report.Promise, name string) template.HTML {
	const r, width = 26.0, 8.0
	ratio := within(p.Ratio, 0, 1)
	if ratio < 1 {
		ratio = min(ratio, 0.985)
	}
	class := "held"
	switch {
	case p.Of == 0:
		class = "none"
	case !p.Held:
		class = "broken"
	}
	around := 2 * math.Pi * r
	d := draw(64, 64, "ring "+class, fmt.Sprintf("%s: %s", name, promiseText(p)))
	d.add(`<circle cx="32" cy="32" r="%g" class="track" stroke-width="%g"/>`, r, width)
	if p.Of > 0 && ratio > 0 {
		d.add(`<circle cx="32" cy="32" r="%g" class="arc" stroke-width="%g" stroke-dasharray="%.2f %.2f" transform="rotate(-90 32 32)"/>`, r, width, ratio*around, around)
	}
	d.text(32, 36, "middle", short(p))
	return d.end()
}

// short returns a ratio in the few characters that a ring has room for.
func short(p report.Promise) string {
	if p.Of == 0 {
		return "–"
	}
	if p.Kept == p.Of {
		return "100%"
	}
	if p.Ratio > 0.99 {
		return fmt.Sprintf("%.1f%%", math.Floor(p.Ratio*1000)/10)
	}
	return fmt.Sprintf("%.0f%%", math.Floor(p.Ratio*100))
}

// promiseText describes a promise in words.
func promiseText(p report.Promise) string {
	if p.Of == 0 {
		return "none yet"
	}
	return fmt.Sprintf("%s of %s; goal %s", term.Count(p.Kept), term.Count(p.Of), percentOf(p.Goal))
}

// percentOf returns a goal, and usedOf how much was used: neither breaks before its sign.
func percentOf(ratio float64) string { return fmt.Sprintf("%.4g\u00a0%%", ratio*100) }

func usedOf(ratio float64) string { return fmt.Sprintf("%.1f\u00a0%%", ratio*100) }

// budget draws what runs used of something: the mean as a bar, the 95th percentile and the
// maximum as marks, and the budget as a line.
func budget(u report.Use, name string, show func(float64) string) template.HTML {
	const width, height = 260.0, 26.0
	end := max(u.Max, u.P95, u.Mean, u.Budget*1.5)
	if end == 0 {
		end = 1
	}
	at := func(v float64) float64 { return within(v/end, 0, 1) * (width - 4) }
	label := fmt.Sprintf("%s: mean %s, 95th percentile %s, maximum %s", name, show(u.Mean), show(u.P95), show(u.Max))
	class := "bar"
	if u.Budget > 0 {
		label += ", budget " + show(u.Budget)
		if u.Mean > u.Budget {
			class = "bar over"
		}
	}
	d := draw(width, height, "budget", label)
	d.add(`<title>%s</title>`, text(label))
	d.rect(0, 7, width, 12, "track")
	d.rect(0, 7, at(u.Mean), 12, class)
	d.line(at(u.P95)+1, 9, at(u.P95)+1, 17, "p95")
	d.line(at(u.Max)+1, 11, at(u.Max)+1, 15, "most")
	if u.Budget > 0 {
		d.line(at(u.Budget)+1, 1, at(u.Budget)+1, 25, "limit")
	}
	return d.end()
}

// savings draws what full copies would take, what is left after deduplication, and what is
// stored.
func savings(r report.RepositoryReport) template.HTML {
	if r.FullBytes == 0 {
		return ""
	}
	const width, row, left = 916.0, 24.0, 140.0
	label := fmt.Sprintf("%s instead of %s", term.Size(r.Stored), term.Size(r.FullBytes))
	d := draw(width, 3*row, "savings", label)
	for i, b := range []struct {
		name  string
		bytes uint64
		class string
	}{
		{"full copies", r.FullBytes, "whole"}, {"after deduplication", r.UniqueBytes, "unique"}, {"stored", r.Stored, "stored"},
	} {
		y := float64(i) * row
		w := max(2, (width-left-90)*within(float64(b.bytes)/float64(max(r.FullBytes, r.Stored)), 0, 1))
		d.text(0, y+16, "name", b.name)
		d.rect(left, y+3, w, row-8, b.class)
		d.text(left+w+6, y+16, "value", term.Size(b.bytes))
	}
	return d.end()
}

// sizes draws how a repository grew, and how it will if it goes on like that.
func sizes(r report.RepositoryReport, now time.Time) template.HTML {
	if len(r.Sizes) < 2 || !r.Sizes[len(r.Sizes)-1].Time.After(r.Sizes[0].Time) {
		return ""
	}
	last := r.Sizes[len(r.Sizes)-1]
	c := &chart{width: 916, height: 200, left: 62, bottom: 22, from: r.Sizes[0].Time}
	c.to = last.Time.Add(last.Time.Sub(c.from) / 3)
	ahead := max(0, float64(last.Stored)+r.PerDay*c.to.Sub(last.Time).Hours()/24)
	for _, s := range r.Sizes {
		c.top = max(c.top, float64(s.Stored))
	}
	full := 0.0
	if r.Free > 0 && !r.FullOn.IsZero() && r.FullOn.Before(c.to) {
		full = float64(last.Stored + r.Free)
	}
	c.top = 1.1 * max(c.top, ahead, full, 1)
	label := fmt.Sprintf("%s is %s large, and grows by %s a day", r.Location, term.Size(last.Stored), term.Size(int64(max(0, r.PerDay))))
	d := draw(c.width, c.height, "sizes", label)
	c.axes(d, now.Location())
	area, path := fmt.Sprintf("M%.1f %.1f", c.x(c.from), c.y(0)), ""
	for i, s := range r.Sizes {
		area += fmt.Sprintf("L%.1f %.1f", c.x(s.Time), c.y(float64(s.Stored)))
		path += fmt.Sprintf("%s%.1f %.1f", map[bool]string{true: "M", false: "L"}[i == 0], c.x(s.Time), c.y(float64(s.Stored)))
	}
	d.add(`<path d="%sL%.1f %.1fz" class="area"/><path d="%s" class="curve"/>`, area, c.x(last.Time), c.y(0), path)
	d.line(c.x(last.Time), c.y(float64(last.Stored)), c.x(c.to), c.y(ahead), "ahead")
	d.line(c.x(last.Time), 0, c.x(last.Time), c.y(0), "now")
	d.text(c.x(last.Time)+4, 12, "hour", "now")
	if full > 0 {
		d.line(c.left, c.y(full), c.width, c.y(full), "limit")
		d.text(c.left+4, c.y(full)-4, "hour", "full")
	}
	return d.end()
}

// A chart maps times and bytes to places.
type chart struct {
	width, height, left, bottom, top float64
	from, to                         time.Time
}

func (c *chart) x(t time.Time) float64 {
	return c.left + (c.width-c.left)*float64(t.Sub(c.from))/float64(c.to.Sub(c.from))
}

func (c *chart) y(v float64) float64 { return (c.height - c.bottom) * (1 - v/c.top) }

// axes draws lines at round sizes, and dates below them.
func (c *chart) axes(d *drawing, zone *time.Location) {
	for v := 0.0; v <= c.top; v += step(c.top) {
		d.line(c.left, c.y(v), c.width, c.y(v), "grid")
		if c.y(v) > 8 {
			d.text(c.left-6, c.y(v)+4, "end", term.Size(int64(v)))
		}
	}
	form := "2 Jan"
	switch span := c.to.Sub(c.from); {
	case span < 10*time.Minute:
		form = "Mon 15:04:05"
	case span < 4*24*time.Hour:
		form = "Mon 15:04"
	case span > 300*24*time.Hour:
		form = "Jan 2006"
	}
	said := ""
	for i := range 5 {
		t := c.from.Add(c.to.Sub(c.from) * time.Duration(i) / 5)
		if text := t.In(zone).Format(form); text != said { // each once, however short the span is
			d.text(c.x(t), c.height-6, "hour", text)
			said = text
		}
	}
}

// step returns a round number of bytes of which three to six are the top.
func step(top float64) float64 {
	s := math.Pow(2, math.Floor(math.Log2(top/3)))
	return max(1, s)
}
