package profile

import (
	"fmt"
	"strings"
)

// A Problem is something in a configuration that can't work, or that a person should look at.
type Problem struct {
	File string // where it is
	Line int    // of the file, from 1; 0 if it is about no line
	Key  string // such as profiles.app.schedule.every; empty if it is about no key
	Text string // what is wrong, and what to do
	// Warning says that the configuration works all the same.
	Warning bool
}

// Error returns one line.
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.Key != "" {
		b.WriteString(": " + p.Key)
	}
	return strings.TrimPrefix(b.String()+": "+p.Text, ": ")
}

// Problems are the problems that keep something from being used. There is at least one.
type Problems []Problem

// Error names the first problem, and says how many others there are.
func (p Problems) Error() string {
	switch len(p) {
	case 0:
		return "no problem"
	case 1:
		return p[0].Error()
	case 2:
		return p[0].Error() + "; and 1 more: \"qsnap config check\" lists both"
	}
	return fmt.Sprintf("%v; and %d more: \"qsnap config check\" lists all", p[0], len(p)-1)
}

// Unwrap returns the problems.
func (p Problems) Unwrap() []error {
	out := make([]error, len(p))
	for i := range p {
		out[i] = p[i]
	}
	return out
}

// errorsOf returns those problems that are no warnings.
func errorsOf(all []Problem) (out Problems) {
	for _, p := range all {
		if !p.Warning {
			out = append(out, p)
		}
	}
	return out
}

// asError returns the problems as an error, or nil if there is none.
func (p Problems) asError() error {
	if len(p) == 0 {
		return nil
	}
	return p
}
