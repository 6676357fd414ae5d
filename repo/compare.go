package repo

import (
	"context"
	"time"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/replica"
	"github.com/qsnap/qsnap/target"
)

// CompareOptions say how a repository and a replica are compared. The zero value compares
// names and sizes, and the bytes of small objects that are not named by their hash.
type CompareOptions struct {
	ReadData bool     // read every object on both, and compare its hash with its name
	Suspects []string // names of objects that are read on both in any case
	Workers  int      // objects that are read at the same time: 8 if zero

	// Progress is called now and then, by one goroutine at a time.
	Progress func(Progress)
	// Now tells the time. Nil is time.Now.
	Now func() time.Time
	// Pace, if not nil, slows the comparison down.
	Pace Pacer
}

// PhaseCompare is the phase of a comparison, in UnitBytes.
const PhaseCompare Phase = replica.PhaseComparing

// An ObjectState is how an object is on a target.
type ObjectState string

// The states. An object that wasn't read is StateSound if it has the same size on both.
const (
	StateSound   ObjectState = "sound"
	StateMissing ObjectState = "missing"
	StateDamaged ObjectState = "damaged" // its bytes don't match its name, or can't be read
	StateDiffers ObjectState = "differs" // from the other; only a key could tell which is right
)

// A Difference is an object that isn't the same on both, or is damaged on both.
type Difference struct {
	Name  string      `json:"object"`
	Here  ObjectState `json:"here"`
	There ObjectState `json:"there"`
}

// A Comparison is how a repository and a replica differ.
type Comparison struct {
	Objects     int64        `json:"objects"`    // that were compared
	Bytes       int64        `json:"bytes"`      // of these, in the repository
	BytesRead   int64        `json:"bytes_read"` // on both
	Differences []Difference `json:"-"`          // in the order of their names
}

// Compare compares a repository and its replica, name by name. It takes no key, and changes
// nothing. What others store or delete meanwhile may look like a difference. If there is an
// error, the comparison has what was found before.
func Compare(ctx context.Context, here, there target.Target, o CompareOptions) (Comparison, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	here, there = object.Paced(here, o.Pace), object.Paced(there, o.Pace)
	found, err := replica.Compare(ctx, here, there, replica.CompareOptions{
		ReadData: o.ReadData, Suspects: o.Suspects, Workers: o.Workers, Now: o.Now, Progress: progressTo(o.Progress),
	})
	return comparisonOf(found), err
}

func comparisonOf(c replica.Comparison) Comparison {
	out := Comparison{Objects: c.Objects, Bytes: c.Bytes, BytesRead: c.BytesRead}
	for _, d := range c.Differences {
		out.Differences = append(out.Differences, Difference{d.Name, ObjectState(d.Here), ObjectState(d.There)})
	}
	return out
}
