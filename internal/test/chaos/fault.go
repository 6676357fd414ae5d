// Package chaos is a bad network for tests: a proxy on the loopback interface that
// forwards to a server and breaks what passes, as a seed decides. It loses, cuts,
// delays and truncates, and where it understands HTTP it repeats requests and
// refuses them.
//
// What befalls a connection or request depends on the seed and its number alone, so
// that a run with one client at a time can be replayed. With several, the numbers
// go by the order in which they are accepted.
package chaos

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// A Fault is what the proxy does to a connection or, with HTTP, to a request.
type Fault int

// The faults. Those from Unavailable on are for HTTP only.
const (
	None        Fault = iota
	Down              // the network is down: see Proxy.SetDown
	Drop              // it is reset before the server gets anything
	CutRequest        // it is reset in the midst of what the client sends
	CutResponse       // it is reset in the midst of what the server answers
	Truncate          // the answer ends early, as if that were its end
	Delay             // it comes late
	Unavailable       // the proxy answers 503 itself
	Repeat            // the server gets it twice, the client the first answer
	RepeatLast        // the server gets it twice, the client the second answer
	BadGateway        // the server gets it, and the client 502
)

var names = [...]string{"none", "down", "drop", "cut request", "cut response", "truncate", "delay", "unavailable", "repeat", "repeat last", "bad gateway"}

// String returns the fault's name.
func (f Fault) String() string {
	if f < 0 || int(f) >= len(names) {
		return fmt.Sprintf("fault %d", int(f))
	}
	return names[f]
}

// Faults returns all that can be drawn: for connections, or for requests.
func Faults(http bool) []Fault {
	all := []Fault{Drop, CutRequest, CutResponse, Truncate, Delay}
	if http {
		all = append(all, Unavailable, Repeat, RepeatLast, BadGateway)
	}
	return all
}

// A plan is what will befall one connection or request.
type plan struct {
	fault Fault
	where float64 // of [0, 1): how far into what is cut
	delay time.Duration
}

// plan draws what befalls a request of a connection, both counted from 1; the
// request of a connection that is not HTTP is 1.
func (o *Options) plan(conn, request int, rate float64) plan {
	r := rand.New(rand.NewPCG(o.Seed, uint64(conn)<<32|uint64(request)))
	struck := r.Float64() < rate
	p := plan{
		fault: o.Faults[r.IntN(len(o.Faults))],
		where: r.Float64(),
		delay: time.Duration(r.Float64() * float64(o.MaxDelay)),
	}
	if !struck {
		return plan{}
	}
	return p
}

// cut returns where to cut a message of that size.
func (p plan) cut(size int) int { return int(p.where * float64(size)) }

// An Event is what the proxy did to a connection or request.
type Event struct {
	Conn, Request int // from 1
	Fault         Fault
	Method, Path  string // of an HTTP request
	After         int    // bytes of it that were forwarded, of what was cut
	Delay         time.Duration
	Err           string // what the proxy itself ran into, such as a server that doesn't answer
}

// String describes the event in a line.
func (e Event) String() string {
	s := fmt.Sprintf("%d.%d", e.Conn, e.Request)
	if e.Method != "" {
		s += " " + e.Method + " " + e.Path
	}
	s += ": " + e.Fault.String()
	switch e.Fault {
	case CutRequest, CutResponse, Truncate:
		s += fmt.Sprintf(" after %d bytes", e.After)
	case Delay:
		s += fmt.Sprintf(" for %s", e.Delay.Round(time.Microsecond))
	}
	if e.Err != "" {
		s += ": " + e.Err
	}
	return s
}
