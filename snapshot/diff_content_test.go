package snapshot

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/chunk"
)

// countDiff compares chunk by chunk.
func countDiff(before, after []Chunk) (removed, added int64) {
	count := map[chunk.ID]int64{}
	length := map[chunk.ID]int64{}
	for i, list := range [][]Chunk{before, after} {
		for _, c := range list {
			count[c.ID] += int64(2*i - 1)
			length[c.ID] = int64(c.Length)
		}
	}
	for id, n := range count {
		removed += max(0, -n) * length[id]
		added += max(0, n) * length[id]
	}
	return removed, added
}

func TestDiffContentCountsWhatTheOtherHasNot(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 4))
		s := store{}
		before := randomChunks(r, r.IntN([]int{3, 80, 200, 9000}[seed%4]))
		after := slices.Clone(before)
		for range r.IntN(6) { // removed, moved, repeated and new chunks
			i, j := r.IntN(len(after)+1), r.IntN(len(after)+1)
			i, j = min(i, j), min(max(i, j), min(i, j)+40)
			switch r.IntN(4) {
			case 0:
				after = slices.Delete(after, i, j)
			case 1:
				after = append(after[:i:i], append(after[j:len(after):len(after)], after[i:j]...)...)
			case 2:
				after = append(after, after[i:j]...)
			case 3:
				after = slices.Insert(after, i, randomChunks(r, 3)...)
			}
		}
		removed, added, err := DiffContent(t.Context(), s, writeContent(t, s, before), writeContent(t, s, after))
		if err != nil {
			t.Fatal(err)
		}
		if r, a := countDiff(before, after); removed != r || added != a {
			t.Fatalf("seed %d: removed %d, added %d; want %d and %d", seed, removed, added, r, a)
		}
	}
}

func TestDiffContentOfWhatIsNoFileOrNotThere(t *testing.T) {
	s := store{}
	e := writeContent(t, s, randomChunks(rand.New(rand.NewPCG(1, 4)), 3000))
	for _, other := range []*Entry{nil, {Type: Dir}, {Type: File, Size: 5, Problem: "permission denied"}, {Type: Symlink, Target: "x"}} {
		removed, added, err := DiffContent(t.Context(), s, other, e)
		if err != nil || removed != 0 || added != e.Size {
			t.Errorf("%+v: removed %d, added %d, %v", other, removed, added, err)
		}
		removed, added, err = DiffContent(t.Context(), s, e, other)
		if err != nil || removed != e.Size || added != 0 {
			t.Errorf("%+v: removed %d, added %d, %v", other, removed, added, err)
		}
	}
}

// A countingStore counts the pages that are read.
type countingStore struct {
	store
	reads int
}

func (s *countingStore) Tree(ctx context.Context, id chunk.ID) ([]byte, error) {
	s.reads++
	return s.store.Tree(ctx, id)
}

func TestDiffContentReadsOnlyThePagesThatDiffer(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	s := &countingStore{store: store{}}
	chunks := randomChunks(r, 100_000)
	before := writeContent(t, s.store, chunks)
	chunks[50_000] = randomChunks(r, 1)[0]
	after := writeContent(t, s.store, chunks)
	if _, _, err := DiffContent(t.Context(), s, before, after); err != nil || s.reads > 20 {
		t.Errorf("%d of %d pages were read, %v", s.reads, len(s.store), err)
	}
}

func TestDiffContentTellsOfPagesThatCannotBeRead(t *testing.T) {
	s := store{}
	chunks := randomChunks(rand.New(rand.NewPCG(2, 5)), 5000)
	before, after := writeContent(t, s, chunks), writeContent(t, s, chunks[1:])
	for id, page := range maps.Clone(s) {
		delete(s, id)
		_, _, err := DiffContent(t.Context(), s, before, after)
		s[id] = page
		if err != nil && !strings.Contains(err.Error(), id.Short()) {
			t.Errorf("without page %s: %v", id.Short(), err)
		}
		if err == nil && (id == before.List || id == after.List) {
			t.Error("a missing list was not missed")
		}
	}
	// A page in the place of one of another level.
	loop := Entry{Type: File, Size: before.Size, List: before.List}
	level, spans, err := parseList(s[before.List])
	if err != nil || level == 0 {
		t.Fatal(level, err)
	}
	spans[0].id = before.List
	s[before.List] = appendList(nil, level, spans)
	if _, _, err := DiffContent(t.Context(), s, &loop, nil); !errors.Is(err, errList) {
		t.Errorf("a list that holds itself: %v", err)
	}
}
