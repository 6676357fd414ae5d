package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// emit prints a value as a line of JSON.
func (p *program) emit(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%s\n", b)
	return err
}

// emitBeside prints a value as a line of JSON to standard error.
func (p *program) emitBeside(v any) {
	if b, err := json.Marshal(v); err == nil {
		fmt.Fprintf(p.stderr, "%s\n", b)
	}
}

// say prints a line for people, unless JSON was asked for.
func (p *program) say(format string, args ...any) {
	if !p.json && !p.quiet {
		fmt.Fprintf(p.stdout, format+"\n", args...)
	}
}

// note prints a line for people beside the output.
func (p *program) note(format string, args ...any) {
	if !p.quiet {
		fmt.Fprintf(p.stderr, format+"\n", args...)
	}
}

// warn prints a line that quiet users want to see too.
func (p *program) warn(format string, args ...any) {
	if !p.json {
		fmt.Fprintf(p.stderr, "qsnap: "+format+"\n", args...)
	}
}

// table prints rows in aligned columns; the first row is the head.
func (p *program) table(rows [][]string) {
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush()
}

// size returns a number of bytes for people.
func size(n uint64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n), 0
	for v >= 1024 && unit < 5 {
		v /= 1024
		unit++
	}
	precision := 1
	if v >= 99.95 {
		precision = 0
	}
	return strconv.FormatFloat(v, 'f', precision, 64) + " " + [...]string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}[unit]
}

// parseSize reads what size writes, and shorter forms such as 10M.
func parseSize(s string) (int64, error) {
	number := strings.TrimRight(s, "kKmMgGtTiIbB ")
	unit := strings.ToLower(strings.TrimSpace(s[len(number):]))
	unit = strings.TrimSuffix(strings.TrimSuffix(unit, "b"), "i")
	shift, ok := map[string]int{"": 0, "k": 10, "m": 20, "g": 30, "t": 40}[unit]
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || !ok || !(v >= 0) || v*float64(int64(1)<<shift) > 1<<62 {
		return 0, fmt.Errorf("size %q: write a number and K, M, G or T, such as 10M", s)
	}
	return int64(v * float64(int64(1)<<shift)), nil
}

// count returns a number with commas.
func count[T ~int | ~uint64](n T) string {
	s := strconv.FormatUint(uint64(n), 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural returns a count with its noun.
func plural[T ~int | ~uint64](n T, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

func duration(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	d = d.Round(time.Second)
	if d < time.Hour {
		return fmt.Sprintf("%d:%02d min", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%d:%02d:%02d h", d/time.Hour, d%time.Hour/time.Minute, d%time.Minute/time.Second)
}

// path returns a path as it is shown: whole where the output is read by programs,
// but with nothing that could confuse a terminal on one.
func (p *program) path(s string) string {
	if f, ok := p.stdout.(interface{ Fd() uintptr }); ok && term.IsTerminal(int(f.Fd())) {
		return printable(s)
	}
	return s
}

// printable escapes what isn't text.
func printable(s string) string {
	clean := utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
	if clean {
		return s
	}
	quoted := strconv.QuoteToGraphic(s)
	return quoted[1 : len(quoted)-1]
}

// oneLine returns an error's text without line breaks.
func oneLine(err error) string {
	var parts []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		parts = append(parts, printable(line))
	}
	return strings.Join(parts, "; ")
}
