package main

import (
	"fmt"
	"strings"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/target"
)

// sayTraffic prints the requests to each target to standard error.
func (p *program) sayTraffic() {
	if !p.traffic {
		return
	}
	for _, conn := range p.conns {
		c := conn.Traffic()
		if p.json {
			p.emitBeside(report.NewTraffic(conn.Location().String(), c))
			continue
		}
		fmt.Fprintf(p.stderr, "traffic: %s: %s\n", conn.Location(), trafficLine(c))
	}
}

// trafficLine describes counts of requests in a line.
func trafficLine(c target.Counts) string {
	var kinds []string
	for _, k := range []struct {
		n    uint64
		what string
	}{
		{c.Gets, "get"}, {c.Lists, "list"}, {c.Stats + c.Spaces, "stat"}, {c.Puts + c.Stages, "put"}, {c.Deletes, "delete"},
	} {
		if k.n > 0 {
			kinds = append(kinds, term.Count(k.n)+" "+k.what)
		}
	}
	line := term.Plural(c.Requests(), "request", "requests")
	if len(kinds) > 0 {
		line += " (" + strings.Join(kinds, ", ") + ")"
	}
	line += fmt.Sprintf(", sent %s, fetched %s", term.Size(c.BytesUp), term.Size(c.BytesDown))
	if c.Retries > 0 {
		line += fmt.Sprintf("; %s retried", term.Count(c.Retries))
	}
	if c.Errors > 0 {
		line += fmt.Sprintf("; %s failed", term.Count(c.Errors))
	}
	return line
}

// costLine describes a cost in a line.
func costLine(c repo.Cost) string {
	line := "about " + term.Plural(c.Requests, "request", "requests") + ", " + term.Size(c.BytesUp) + " to send"
	if c.BytesDown > 0 {
		line += ", " + term.Size(c.BytesDown) + " to fetch"
	}
	return line
}
