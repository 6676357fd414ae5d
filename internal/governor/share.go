package governor

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
)

// A Share is the budget that the runs of a host share.
//
// Each run has a file of its own in a common directory, and keeps it locked as long as it
// lives. The file holds one line: which ratio of the budgets for processor time and for I/O
// the run uses, and whether it would use more.
//
//	0.0520 0.1000 true false
//
// Each run takes the part that is left for it when the budget is divided fairly: first among
// users, and then among the runs of a user. Who needs less than an equal part leaves the rest
// to the others.
//
// What must stay true: no user can make the runs of another one wait for more than an equal
// part. Files whose owner doesn't hold its lock count for nothing. Links are not followed, a
// file with several names is no run's, and nobody trusts a number further than an equal part.
type Share struct {
	With string // host, or user
	Why  error  // why it is not the host; nil if it is

	dir  string
	own  *os.File
	part share
}

// The values of With.
const (
	WithHost = "host"
	WithUser = "user"
)

// A share is the ratios of the budgets that a run may use.
type share struct{ cpu, io float64 }

// A demand is which ratios a run has used lately, and whether it would use more.
type demand struct {
	CPU, IO         float64
	MoreCPU, MoreIO bool
}

// A peer is another run.
type peer struct {
	user int
	demand
}

// maxPeers bounds the runs that are looked at.
const maxPeers = 1000

// look publishes what this run needs, and decides which part of the budget it gets.
func (s *Share) look(own demand) {
	if s.own == nil {
		return
	}
	_, _ = s.own.WriteAt(own.line(), 0)
	peers := s.peers()
	s.part = share{
		cpu: partOf(os.Getuid(), eager(own.CPU, own.MoreCPU), peers, func(d demand) float64 { return modest(d.CPU, d.MoreCPU) }),
		io:  partOf(os.Getuid(), eager(own.IO, own.MoreIO), peers, func(d demand) float64 { return modest(d.IO, d.MoreIO) }),
	}
}

// eager is the part that a run asks for itself: all if it waits, else enough to grow.
func eager(used float64, more bool) float64 {
	if more {
		return 1
	}
	return min(1, 2*used+0.2)
}

// modest is the part that is left to another run.
func modest(used float64, more bool) float64 {
	if more {
		return 1
	}
	return min(1, 1.25*used+0.02)
}

// partOf returns the part of a run of a user that asks for own, beside other runs.
func partOf(user int, own float64, peers []peer, of func(demand) float64) float64 {
	mine, users := []float64{own}, map[int]float64{user: own}
	for _, p := range peers {
		if p.user == user {
			mine = append(mine, of(p.demand))
		}
		users[p.user] += of(p.demand)
	}
	others := []float64{users[user]}
	for u, asked := range users {
		if u != user {
			others = append(others, asked)
		}
	}
	return fair(mine, fair(others, 1))
}

// fair divides what there is among those who ask, such that nobody gets more than asked, and
// whoever gets less gets as much as anybody. It returns the part of the first one.
func fair(asked []float64, all float64) float64 {
	first, sorted := asked[0], slices.Sorted(slices.Values(asked))
	for i, a := range sorted {
		equal := all / float64(len(sorted)-i)
		if a >= equal {
			return min(first, equal)
		}
		if a == first {
			return first
		}
		all -= a
	}
	return first
}

// line returns the demand as a line of always the same length.
func (d demand) line() []byte {
	return fmt.Appendf(nil, "%.4f %.4f %-5t %-5t\n", ratio(d.CPU), ratio(d.IO), d.MoreCPU, d.MoreIO)
}

// ratio returns x, as far as it is a ratio.
func ratio(x float64) float64 {
	if !(x >= 0) {
		return 0
	}
	return min(x, 1)
}

// maxLine bounds what is read of a file.
const maxLine = 64

// readDemand reads the line of another run.
func readDemand(r io.Reader) (d demand, ok bool) {
	b, err := io.ReadAll(io.LimitReader(r, maxLine))
	if err != nil {
		return demand{}, false
	}
	line, _, whole := bytes.Cut(b, []byte("\n"))
	f := bytes.Fields(line)
	if !whole || len(f) != 4 {
		return demand{}, false
	}
	var errs [4]error
	d.CPU, errs[0] = strconv.ParseFloat(string(f[0]), 64)
	d.IO, errs[1] = strconv.ParseFloat(string(f[1]), 64)
	d.MoreCPU, errs[2] = strconv.ParseBool(string(f[2]))
	d.MoreIO, errs[3] = strconv.ParseBool(string(f[3]))
	for _, err := range errs {
		if err != nil {
			return demand{}, false
		}
	}
	d.CPU, d.IO = ratio(d.CPU), ratio(d.IO)
	return d, true
}
