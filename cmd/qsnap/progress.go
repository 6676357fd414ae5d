package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// A view shows how far a command has come: a line that is drawn again and again on
// a terminal, a line now and then in a log, or objects for programs.
type view struct {
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
	jsonInterval     = time.Second
)

func (p *program) newView() *view {
	v := &view{out: p.stderr, silent: p.quiet || p.json, last: time.Now()}
	if f, ok := p.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		v.terminal = true
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			v.width = width
		}
	}
	return v
}

// due reports whether it is time for a line.
func (v *view) due() bool {
	interval := logInterval
	if v.terminal {
		interval = terminalInterval
	}
	if v.silent || time.Since(v.last) < interval {
		return false
	}
	v.last = time.Now()
	return true
}

// show draws the line: what comes after the bar may be cut off.
func (v *view) show(done, total uint64, elapsed time.Duration, what, current string) {
	var line strings.Builder
	fmt.Fprintf(&line, "[%s] ", clock(elapsed))
	if total > 0 {
		done = min(done, total)
		fmt.Fprintf(&line, "%5.1f%%  ", 100*float64(done)/float64(total))
	}
	line.WriteString(what)
	if done > 0 && elapsed > time.Second {
		fmt.Fprintf(&line, "  %s/s", size(uint64(float64(done)/elapsed.Seconds())))
		if total > done {
			left := time.Duration(float64(elapsed) * float64(total-done) / float64(done))
			fmt.Fprintf(&line, "  ETA %s", clock(left))
		}
	}
	v.line(line.String(), current)
}

func (v *view) line(text, current string) {
	if !v.terminal {
		fmt.Fprintln(v.out, text)
		return
	}
	if room := v.width - len([]rune(text)) - 3; current != "" && room > 8 {
		name := []rune(printable(current))
		if len(name) > room {
			name = append([]rune("…"), name[len(name)-room+1:]...)
		}
		text += "  " + string(name)
	}
	if r := []rune(text); v.width > 0 && len(r) >= v.width {
		text = string(r[:v.width-1])
	}
	fmt.Fprintf(v.out, "\r\x1b[K%s", text)
	v.drawn = true
}

// clear removes the line, so that something else can be printed.
func (v *view) clear() {
	if v.drawn {
		fmt.Fprint(v.out, "\r\x1b[K")
		v.drawn = false
	}
}

func clock(d time.Duration) string {
	s := int(d.Seconds())
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}
