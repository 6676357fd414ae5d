package extract

import (
	"sort"

	"github.com/qsnap/qsnap/snapshot"
)

// positions tell where the data of a file with holes lies in it.
type positions struct {
	holes  []snapshot.Hole
	before []int64 // the lengths of the holes before each, and of all
}

// A position is a stretch of a file.
type position struct{ at, length int64 }

func newPositions(e *snapshot.Entry) positions {
	p := positions{holes: e.Holes, before: make([]int64, len(e.Holes)+1)}
	for i, h := range e.Holes {
		p.before[i+1] = p.before[i] + h.Length
	}
	return p
}

// of returns the stretches, in order, that length bytes of data fill which have
// the bytes before offset before them, holes left out.
func (p positions) of(offset, length int64) []position {
	if len(p.holes) == 0 {
		return []position{{offset, length}}
	}
	i := sort.Search(len(p.holes), func(i int) bool { return p.holes[i].Offset-p.before[i] > offset })
	var out []position
	for ; length > 0; i++ {
		n := length
		if i < len(p.holes) {
			n = min(n, p.holes[i].Offset-p.before[i]-offset)
		}
		if n > 0 {
			out = append(out, position{offset + p.before[i], n})
		}
		offset += n
		length -= n
	}
	return out
}
