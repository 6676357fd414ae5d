package index

import "testing"

// A filter never denies what is there, and seldom admits what isn't.
func TestAFilterKnowsWhatIsNotThere(t *testing.T) {
	const blobs = 20_000
	var rests []byte
	for n := range blobs {
		id := blobID(n)
		rests = append(append(rests, id[startSize:]...), make([]byte, restSize-restIDSize)...)
	}
	const before = "what is there"
	b := appendFilter([]byte(before), rests)
	if string(b[:len(before)]) != before || len(b) != len(before)+filterSize(blobs) {
		t.Fatalf("%d bytes, which begin with %q", len(b), b[:len(before)])
	}
	f, passed := filter(b[len(before):]), 0
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
}
