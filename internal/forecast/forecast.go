package forecast

import (
	"slices"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

// A Past is what a forecast is made from.
type Past struct {
	Versions []*snapshot.Manifest // of one source, in any order
	Next     *snapshot.Manifest   // of a dry run, or nil
	Level    snapshot.Level       // of the next run
}

// A Future is the runs that a forecast is about.
type Future struct {
	Runs map[snapshot.Level]int // how many there will be
	Span time.Duration          // in which they will be
	Keep int                    // how many versions stay; 0 means all
}

// A Need is what runs will need. All numbers are estimates.
type Need struct {
	Runs     int
	Read     uint64        // bytes from the source
	New      uint64        // bytes of data and trees that no earlier version has
	Stored   uint64        // bytes that the new ones take, compressed and sealed
	Verified uint64        // bytes that full runs read back from the target
	Time     time.Duration // that the runs take
}

// A Forecast says what the next run will need, and all runs of a span.
type Forecast struct {
	From int // how many versions it was made from, beside the first, which is no example

	Next    Need
	Most    Need // what hardly any run exceeds: nine of ten versions needed no more
	Known   bool // Next and Most are known
	Exact   bool // Next is that of a dry run
	Span    Need
	Spanned bool // Span and Grows are known
	// Grows is how many bytes the repository will have grown after the span, when versions
	// that don't stay were forgotten and pruned.
	Grows uint64

	Compressed float64 // bytes that new data takes, divided by its size; 0 if unknown
	Saved      float64 // part of all versions' bytes that was not stored because it was there; 0 if unknown
}

// Make makes a forecast.
func Make(past Past, future Future) Forecast {
	versions := slices.SortedFunc(slices.Values(past.Versions), snapshot.Compare)
	versions = slices.DeleteFunc(versions, func(m *snapshot.Manifest) bool { return !m.Original.IsZero() })
	examples := examplesOf(versions)
	f := Forecast{From: len(examples)}
	f.Compressed, f.Saved = ratios(versions)
	of := byLevel(examples)
	if len(of[snapshot.LevelFull]) == 0 {
		if full, ok := fullOf(versions, past.Next); ok {
			of[snapshot.LevelFull] = []Need{full}
		}
	}
	if of := of[past.Level]; len(of) > 0 {
		f.Next, f.Most, f.Known = quantile(of, 1, 2), quantile(of, 9, 10), true
	}
	if past.Next != nil {
		f.Next, f.Known, f.Exact = needOf(past.Next), true, true
		f.Most = larger(f.Most, f.Next)
	}
	if f.Span, f.Spanned = total(of, future.Runs); f.Spanned {
		f.Grows = grows(versions, f, future)
	}
	return f
}

// examplesOf returns the versions that show what a run needs: all that are good, but the
// first of their source, with which everything was new.
func examplesOf(versions []*snapshot.Manifest) (out []*snapshot.Manifest) {
	for _, m := range versions {
		if m.Good() && m.Number > 1 {
			out = append(out, m)
		}
	}
	return out
}

// needOf returns what a version needed.
func needOf(m *snapshot.Manifest) Need {
	s := m.Stats
	return Need{
		Runs: 1, Read: s.BytesRead, New: s.DataAdded + s.TreeAdded, Stored: s.DataStored + s.TreeStored + s.IndexStored,
		Verified: s.Verified, Time: max(0, m.End.Sub(m.Start)),
	}
}

func byLevel(examples []*snapshot.Manifest) map[snapshot.Level][]Need {
	of := map[snapshot.Level][]Need{}
	for _, m := range examples {
		of[m.Level] = append(of[m.Level], needOf(m))
	}
	return of
}

// fullOf returns what a full run would need if none has been made yet: it reads all that the
// newest version holds, at the rate at which the versions that read most were made.
func fullOf(versions []*snapshot.Manifest, next *snapshot.Manifest) (n Need, ok bool) {
	if next != nil {
		versions = append(slices.Clone(versions), next)
	}
	if len(versions) == 0 {
		return n, false
	}
	newest := versions[len(versions)-1]
	most := slices.MaxFunc(versions, func(a, b *snapshot.Manifest) int {
		return int(min(1, max(-1, int64(a.Stats.BytesRead)-int64(b.Stats.BytesRead))))
	})
	read, took := most.Stats.BytesRead, most.End.Sub(most.Start)
	if read == 0 || took <= 0 {
		return n, false
	}
	all := newest.Stats.Bytes
	return Need{Runs: 1, Read: all, Verified: all, Time: time.Duration(float64(took) * float64(all) / float64(read))}, true
}

// quantile returns for each number the one that a part of the needs doesn't exceed.
func quantile(of []Need, part, parts int) Need {
	at := (len(of)*part + parts - 1) / parts
	pick := func(value func(Need) uint64) uint64 {
		all := make([]uint64, len(of))
		for i, n := range of {
			all[i] = value(n)
		}
		slices.Sort(all)
		return all[max(0, at-1)]
	}
	return Need{
		Runs: 1, Read: pick(func(n Need) uint64 { return n.Read }), New: pick(func(n Need) uint64 { return n.New }),
		Stored: pick(func(n Need) uint64 { return n.Stored }), Verified: pick(func(n Need) uint64 { return n.Verified }),
		Time: time.Duration(pick(func(n Need) uint64 { return uint64(n.Time) })),
	}
}

// larger returns the larger of each number.
func larger(a, b Need) Need {
	return Need{
		Runs: max(a.Runs, b.Runs), Read: max(a.Read, b.Read), New: max(a.New, b.New), Stored: max(a.Stored, b.Stored),
		Verified: max(a.Verified, b.Verified), Time: max(a.Time, b.Time),
	}
}

// total returns what runs of several levels need, each the mean of its level. ok is false if
// nothing is known about a level.
func total(of map[snapshot.Level][]Need, runs map[snapshot.Level]int) (sum Need, ok bool) {
	for level, n := range runs {
		if n <= 0 {
			continue
		}
		like := of[level]
		if len(like) == 0 && level == snapshot.LevelDifferential {
			like = of[snapshot.LevelIncremental] // which read less, and store as much
		}
		if len(like) == 0 {
			return Need{}, false
		}
		for _, one := range like {
			share := func(x uint64) uint64 { return uint64(float64(x) * float64(n) / float64(len(like))) }
			sum.Read += share(one.Read)
			sum.New += share(one.New)
			sum.Stored += share(one.Stored)
			sum.Verified += share(one.Verified)
			sum.Time += time.Duration(share(uint64(one.Time)))
		}
		sum.Runs += n
	}
	return sum, sum.Runs > 0
}

// ratios returns how far new data was compressed, and how much of all versions was there.
func ratios(versions []*snapshot.Manifest) (compressed, saved float64) {
	var all, added, stored uint64
	for _, m := range versions {
		n := needOf(m)
		all += m.Stats.Bytes
		added += n.New
		stored += n.Stored
	}
	if added > 0 {
		compressed = float64(stored) / float64(added)
	}
	if all > 0 {
		saved = max(0, 1-float64(added)/float64(all))
	}
	return compressed, saved
}

// grows returns how much larger the repository will be after a span. Until as many versions
// are there as stay, each adds what it stores. From then on the oldest goes with each new
// one, and the repository grows as the source does.
func grows(versions []*snapshot.Manifest, f Forecast, future Future) uint64 {
	adding := f.Span.Runs
	if future.Keep > 0 {
		adding = min(adding, max(0, future.Keep-len(versions)))
	}
	grown := float64(f.Span.Stored) * float64(adding) / float64(f.Span.Runs)
	if adding == f.Span.Runs {
		return uint64(grown)
	}
	rest := float64(future.Span) * float64(f.Span.Runs-adding) / float64(f.Span.Runs)
	return uint64(grown + max(0, perTime(versions)*rest*f.Compressed))
}

// perTime returns how many bytes the source has grown in a nanosecond: from the first version
// to the last.
func perTime(versions []*snapshot.Manifest) float64 {
	first, last := versions[0], versions[len(versions)-1]
	span := last.End.Sub(first.End)
	if span <= 0 {
		return 0
	}
	return (float64(last.Stats.Bytes) - float64(first.Stats.Bytes)) / float64(span)
}
