package prune

import (
	"math/rand/v2"
	"testing"

	"github.com/qsnap/qsnap/pack"
)

// BenchmarkChoose decides on 5000 packs, of which some are small, some hold trees,
// and most are partly unused.
func BenchmarkChoose(b *testing.B) {
	const full = 16 << 20
	r := rand.New(rand.NewPCG(3, 4))
	all := make([]Pack, 5000)
	for i := range all {
		p := Pack{ID: pack.ID(blob(uint64(i))), Tree: i%10 == 0, Size: full, OldKey: i%7 == 0, Locked: i%11 == 0}
		if i%4 == 0 {
			p.Size = 2000 + r.Int64N(full)
		}
		p.Used = p.Size - r.Int64N(p.Size/2)
		if i%20 == 0 {
			p.Used = 0
		}
		all[i] = p
	}
	b.ReportAllocs()
	for b.Loop() {
		if plan := Choose(all, Limits{MaxUnused: 0.05, PackSize: full}); len(plan.Drop) == 0 || len(plan.Repack) == 0 {
			b.Fatalf("%d packs are dropped, %d repacked", len(plan.Drop), len(plan.Repack))
		}
	}
	b.ReportMetric(float64(len(all)*b.N)/b.Elapsed().Seconds(), "packs/s")
}
