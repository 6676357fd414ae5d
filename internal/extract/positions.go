package extract

import (
	"sort"

	"github.com/qsnap/qsnap/snapshot"
)

// positions say where the data of a file with holes is in the file.
type positions struct {
	holes  []snapshot.Hole
	before []int64 // total length of the holes before each hole, and of all holes
}

// A position is a range of a file.
type position struct{ at, length int64 }

func newPositions(e *snapshot.Entry) positions {
	p := positions{holes: e.Holes, before: make([]int64, len(e.Holes)+1)}
	for i, h := range e.Holes {
		p.before[i+1] = p.before[i] + h.Length
	}
	return p
}

// of returns, in order, the ranges that length bytes of data fill. offset is that of the
// data, holes left out.
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
