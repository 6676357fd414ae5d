//go:build scale

package scale

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/restic/chunker"

	"github.com/qsnap/qsnap/chunk"
)

// TestCutsAreFoundFasterThanByResticChunker compares a core's speed on random data,
// with the same parameters. The least of many runs is what the code takes: all else is
// others' work.
func TestCutsAreFoundFasterThanByResticChunker(t *testing.T) {
	p, err := chunk.DefaultParams()
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 8<<20)
	rand.NewChaCha8([32]byte{}).Read(data)
	cutter := chunk.NewCutter(p)
	ours, theirs := time.Hour, time.Hour
	for range 30 {
		start, chunks := time.Now(), 0
		for rest := data; len(rest) >= p.Max; chunks++ {
			rest = rest[cutter.Cut(rest):]
		}
		ours = min(ours, time.Since(start))
		c := chunker.NewBase(chunker.Pol(p.Polynomial), chunker.WithBaseBoundaries(uint(p.Min), uint(p.Max)), chunker.WithBaseAverageBits(p.Bits))
		start = time.Now()
		for rest := data; len(rest) >= p.Max; chunks-- {
			rest = rest[c.NextSplitPoint(rest):]
		}
		theirs = min(theirs, time.Since(start))
		if chunks != 0 {
			t.Fatalf("%d more chunks than restic/chunker's", chunks)
		}
	}
	ratio := theirs.Seconds() / ours.Seconds()
	t.Logf("%.0f MB/s, %.2f times restic/chunker's", 8.388608/ours.Seconds(), ratio)
	if ratio < 1.8 {
		t.Errorf("%.2f times the speed of restic/chunker, less than 1.8", ratio)
	}
}
