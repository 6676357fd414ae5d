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
// pack of each is its position among them.
func buildGroup(t *testing.T, ids []chunk.ID) *group {
	t.Helper()
	slices.SortFunc(ids, func(a, b chunk.ID) int { return bytes.Compare(a[:], b[:]) })
	var b groupBuilder
	for i, id := range ids {
		b.add(&entry{id: id, pack: uint32(i)})
	}
	last := b.last
	g, err := parseGroup(last[:], b.take(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return &g
}

func numberedID(start, rest uint64) (id chunk.ID) {
	binary.BigEndian.PutUint64(id[:], start)
	binary.BigEndian.PutUint64(id[24:], rest)
	return id
}

func TestAGroupFindsIDsHoweverTheyAreSpread(t *testing.T) {
	const n = 3000
	for name, id := range map[string]func(i int) chunk.ID{
		"like hashes":           blobID,
		"one after another":     func(i int) chunk.ID { return numberedID(uint64(i), 1) },
		"all but one at an end": func(i int) chunk.ID { return numberedID(uint64(i)+uint64(i/(n-1))<<60, 1) },
		"by powers":             func(i int) chunk.ID { return numberedID(1<<(i%60)+uint64(i/60), 1) },
		"with the same start":   func(i int) chunk.ID { return numberedID(7, uint64(i)) },
		"several of each":       func(i int) chunk.ID { return blobID(i / 5) },
	} {
		t.Run(name, func(t *testing.T) {
			var ids []chunk.ID
			for i := range n {
				ids = append(ids, id(i))
			}
			g := buildGroup(t, ids)
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
