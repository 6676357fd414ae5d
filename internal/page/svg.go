package page

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/qsnap/qsnap/internal/term"
)

// A drawing is an SVG image that is being written. Colours are those of the page's classes.
type drawing struct{ b strings.Builder }

// draw begins an image of a size, which is described for those who can't see it.
func draw(width, height float64, class, label string) *drawing {
	d := &drawing{}
	d.add(`<svg viewBox="0 0 %g %g" class="%s" role="img" aria-label="%s">`, width, height, class, text(label))
	return d
}

func (d *drawing) add(format string, args ...any) { fmt.Fprintf(&d.b, format, args...) }

func (d *drawing) rect(x, y, width, height float64, class string) {
	d.add(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="2" class="%s"/>`, x, y, max(0, width), max(0, height), class)
}

func (d *drawing) line(x1, y1, x2, y2 float64, class string) {
	d.add(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`, x1, y1, x2, y2, class)
}

func (d *drawing) text(x, y float64, class, s string) {
	d.add(`<text x="%.1f" y="%.1f" class="%s">%s</text>`, x, y, class, text(s))
}

// end returns the image.
func (d *drawing) end() template.HTML { return template.HTML(d.b.String() + "</svg>") }

// text returns a text so that it can stand in an element or in an attribute.
func text(s string) string { return template.HTMLEscapeString(term.Printable(s)) }

// within returns a value that lies between two others.
func within(v, low, high float64) float64 { return min(max(v, low), high) }
