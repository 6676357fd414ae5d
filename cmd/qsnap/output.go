package main

import (
	"encoding/json"
	"fmt"

	"github.com/qsnap/qsnap/internal/term"
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

// note prints a line for people to standard error.
func (p *program) note(format string, args ...any) {
	if !p.quiet {
		fmt.Fprintf(p.stderr, format+"\n", args...)
	}
}

// warn prints a line to standard error, even with --quiet.
func (p *program) warn(format string, args ...any) {
	if !p.json {
		fmt.Fprintf(p.stderr, "qsnap: "+format+"\n", args...)
	}
}

// table prints rows in aligned columns; the first row is the head.
func (p *program) table(rows [][]string) { _ = term.Table(p.stdout, rows) } // a failure to print is ignored, as in say

// path returns a path for the output: unchanged for programs that read it, and on a terminal
// without characters that could confuse one.
func (p *program) path(s string) string {
	if term.IsTerminal(p.stdout) {
		return term.Printable(s)
	}
	return s
}
