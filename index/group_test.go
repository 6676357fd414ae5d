package index

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/qsnap/qsnap/chunk"
)

// buildGroup returns a group of entries with those ids, which are sorted for it; the
// pack of each is its position among them. It comes after another or nil.
func buildGroup(t *testing.T, ids []chunk.ID, previous *group) *group {
	t.Helper()
	slices.SortFunc(ids, compareIDs)
	var b groupBuilder
	for i, id := range ids {
		b.add(&entry{id: id, pack: uint32(i)})
	}
	last := b.last
	g, err := parseGroup(last[:], b.take(), previous)
	if err != nil {
		t.Fatal(err)
	}
	return &g
}

func compareIDs(a, b chunk.ID) int { return bytes.Compare(a[:], b[:]) }

func numberedID(start, rest uint64) (id chunk.ID) {
	binary.BigEndian.PutUint64(id[:], start)
	binary.BigEndian.PutUint64(id[24:], rest)
	return id
}

// spreads are ways in which ids may be spread, of so many.
func spreads(n int) map[string]func(i int) chunk.ID {
	return map[string]func(i int) chunk.ID{
		"like hashes":           blobID,
		"one after another":     func(i int) chunk.ID { return numberedID(uint64(i), 1) },
		"all but one at an end": func(i int) chunk.ID { return numberedID(uint64(i)+uint64(i/(n-1))<<60, 1) },
		"by powers":             func(i int) chunk.ID { return numberedID(1<<(i%60)+uint64(i/60), 1) },
		"with the same start":   func(i int) chunk.ID { return numberedID(7, uint64(i)) },
		"several of each":       func(i int) chunk.ID { return blobID(i / 5) },
	}
}

func TestAGroupFindsIDsHoweverTheyAreSpread(t *testing.T) {
	const n = 3000
	for name, id := range spreads(n) {
		t.Run(name, func(t *testing.T) {
			var ids []chunk.ID
			for i := range n {
				ids = append(ids, id(i))
			}
			g := buildGroup(t, ids, nil)
			count := map[chunk.ID]int{}
			for _, id := range ids {
				count[id]++
			}
			for i, id := range ids {
				at, found := g.find(&id)
				if found != count[id] || at > i || i >= at+found || g.id(at) != id {
					t.Fatalf("entry %d: %d found at %d, want %d", i, found, at, count[id])
				}
				id[31] ^= 0x80
				if _, found := g.find(&id); found != count[id] {
					t.Fatalf("beside entry %d: %d found, want %d", i, found, count[id])
				}
			}
		})
	}
}

func TestATableKnowsWhichGroupHoldsAnID(t *testing.T) {
	const groups, perGroup = 40, 50
	for name, id := range spreads(groups * perGroup) {
		t.Run(name, func(t *testing.T) {
			var ids []chunk.ID
			for i := range groups * perGroup {
				ids = append(ids, id(i))
			}
			slices.SortFunc(ids, compareIDs)
			ids = slices.Compact(ids)
			x := new(table)
			var previous *group
			for part := range slices.Chunk(ids, perGroup) {
				g := buildGroup(t, part, previous)
				x.groups, previous = append(x.groups, *g), g
			}
			for i, id := range ids {
				if got := x.groupOf(&id); got != i/perGroup {
					t.Fatalf("entry %d is taken to be in group %d, not %d", i, got, i/perGroup)
				}
			}
			for i := range 1000 {
				id := blobID(1<<20 + i)
				want := 0
				for want < len(x.groups) && compareIDs(x.groups[want].last, id) < 0 {
					want++
				}
				if got := x.groupOf(&id); got != want {
					t.Fatalf("%s is taken to be in group %d, not %d", id.Short(), got, want)
				}
			}
		})
	}
}

func TestADamagedGroupIsNone(t *testing.T) {
	var b groupBuilder
	for i := range 10 {
		b.add(&entry{id: numberedID(uint64(i), 0)})
	}
	last, whole := b.last[:], b.take()
	more := binary.BigEndian.AppendUint64(nil, 11)
	for what, stored := range map[string][]byte{
		"nothing":             nil,
		"a short one":         whole[:len(whole)-1],
		"a long one":          append(slices.Clone(whole), 0),
		"one of more entries": append(more, whole[8:]...),
		"one of no entries":   append(make([]byte, 8), whole[8:]...),
		"one of far too many": append(bytes.Repeat([]byte{0xff}, 8), whole[8:]...),
	} {
		if _, err := parseGroup(last, stored, nil); !errors.Is(err, errTable) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := parseGroup(last[:31], whole, nil); !errors.Is(err, errTable) {
		t.Errorf("a short name: %v", err)
	}
}
