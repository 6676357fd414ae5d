package index

import (
	"bytes"
	"slices"
	"testing"
)

// A filter never denies what is there, and seldom admits what isn't.
func TestAFilterKnowsWhatIsNotThere(t *testing.T) {
	const blobs, stretch = 20_000, 3000
	var ids [][]byte
	for n := range blobs {
		id := blobID(n)
		ids = append(ids, id[:])
	}
	slices.SortFunc(ids, bytes.Compare)
	var f filter
	for part := range slices.Chunk(ids, stretch) {
		if err := f.add(part[len(part)-1], filterBlocks(bytes.Join(part, nil))); err != nil {
			t.Fatal(err)
		}
	}
	passed := 0
	for n := range blobs {
		if id := blobID(n); !f.mayHave(&id) {
			t.Fatalf("blob %d is there, and denied", n)
		}
		if id := blobID(1<<30 + n); f.mayHave(&id) {
			passed++
		}
	}
	if passed > blobs/40 {
		t.Errorf("%d of %d that aren't there pass", passed, blobs)
	}
	if f.add([]byte("short"), make([]byte, filterBlock)) == nil || f.add(ids[0], make([]byte, 7)) == nil || f.add(ids[0], nil) == nil {
		t.Error("a damaged stretch is taken")
	}
}
