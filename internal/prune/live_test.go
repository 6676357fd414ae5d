package prune

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/qsnap/qsnap/chunk"
)

func blobID(n uint64) (id chunk.ID) {
	r := rand.New(rand.NewPCG(n, 5))
	for i := 0; i < len(id); i += 8 {
		binary.LittleEndian.PutUint64(id[i:], r.Uint64())
	}
	return id
}

func TestALiveSetKnowsWhatWasAddedAndInWhichOrder(t *testing.T) {
	var l live
	if l.lookup(blobID(1), false) != nil || l.lookup(blobID(1), true) != nil {
		t.Error("an empty set has something")
	}
	const n = 20_000
	for i := range uint64(n) {
		tree := i%5 == 0
		if !l.add(blobID(i), tree) || l.add(blobID(i), tree) {
			t.Fatalf("blob %d", i)
		}
	}
	if l.len() != n {
		t.Errorf("%d blobs", l.len())
	}
	for i := range uint64(n) {
		tree := i%5 == 0
		m := l.lookup(blobID(i), tree)
		if m == nil || m.order != uint32(i+1) || m.keeper != 0 {
			t.Fatalf("blob %d: %+v", i, m)
		}
		if l.lookup(blobID(i), !tree) != nil {
			t.Fatalf("blob %d is a tree and a chunk", i)
		}
		m.keeper = uint32(i)
	}
	for i := range uint64(n) {
		if m := l.lookup(blobID(i), i%5 == 0); m.keeper != uint32(i) {
			t.Fatalf("blob %d: its keeper is %d", i, m.keeper)
		}
		if l.lookup(blobID(n+i), false) != nil {
			t.Fatalf("blob %d was never added", n+i)
		}
	}
}
