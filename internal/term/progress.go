package term

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// A Progress shows how far something has come: on a terminal a line that is drawn again and
// again, elsewhere a line now and then. It is for one goroutine.
type Progress struct {
	out      io.Writer
	terminal bool
	width    int
	last     time.Time
	drawn    bool
	silent   bool
}

// Intervals between lines.
const (
	terminalInterval = 200 * time.Millisecond
	logInterval      = 30 * time.Second
)

// NewProgress returns a Progress that writes to out, or one that is silent.
func NewProgress(out io.Writer, silent bool) *Progress {
	p := &Progress{out: out, silent: silent, last: time.Now()}
	if f, ok := out.(*os.File); ok && IsTerminal(f) {
		p.terminal = true
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			p.width = width
		}
	}
	return p
}

// Watched reports whether the line is drawn on a terminal.
func (p *Progress) Watched() bool { return p.terminal && !p.silent }

// Due reports whether it is time for a line. Then the caller shows one.
func (p *Progress) Due() bool {
	interval := logInterval
	if p.terminal {
		interval = terminalInterval
	}
	if p.silent || time.Since(p.last) < interval {
		return false
	}
	p.last = time.Now()
	return true
}

// Show draws the line: how long it took so far, what is done of the total, if that is known,
// what is going on, how fast, and how long it will take. What is current may be cut off.
func (p *Progress) Show(done, total int64, elapsed time.Duration, what, current string) {
	var line strings.Builder
	fmt.Fprintf(&line, "[%s] ", Clock(elapsed))
	if total > 0 {
		done = min(done, total)
		fmt.Fprintf(&line, "%5.1f%%  ", 100*float64(done)/float64(total))
	}
	line.WriteString(what)
	if done > 0 && elapsed > time.Second {
		fmt.Fprintf(&line, "  %s/s", Size(int64(float64(done)/elapsed.Seconds())))
		if total > done {
			left := time.Duration(float64(elapsed) * float64(total-done) / float64(done))
			fmt.Fprintf(&line, "  ETA %s", Clock(left))
		}
	}
	p.Line(line.String(), current)
}

// Line draws a line of another form.
func (p *Progress) Line(text, current string) {
	if !p.terminal {
		fmt.Fprintln(p.out, text)
		return
	}
	if room := p.width - len([]rune(text)) - 3; current != "" && room > 8 {
		name := []rune(Printable(current))
		if len(name) > room {
			name = append([]rune("…"), name[len(name)-room+1:]...)
		}
		text += "  " + string(name)
	}
	if r := []rune(text); p.width > 0 && len(r) >= p.width {
		text = string(r[:p.width-1])
	}
	fmt.Fprintf(p.out, "\r\x1b[K%s", text)
	p.drawn = true
}

// Clear removes the line, so that something else can be printed.
func (p *Progress) Clear() {
	if p.drawn {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.drawn = false
	}
}

// Interject prints a line of its own in place of the one that shows progress, which may be
// another Progress's. A silent one prints nothing.
func (p *Progress) Interject(text string) {
	switch {
	case p.silent:
	case p.terminal:
		fmt.Fprintf(p.out, "\r\x1b[K%s\n", text)
	default:
		fmt.Fprintln(p.out, text)
	}
}
