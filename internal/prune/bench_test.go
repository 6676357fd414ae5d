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
	all := make([]candidate, 5000)
	for i := range all {
		p := candidate{id: pack.ID(blobID(uint64(i))), tree: i%10 == 0, size: full, oldKey: i%7 == 0, locked: i%11 == 0}
		if i%4 == 0 {
			p.size = 2000 + r.Int64N(full)
		}
		p.used = p.size - r.Int64N(p.size/2)
		if i%20 == 0 {
			p.used = 0
		}
		all[i] = p
	}
	b.ReportAllocs()
	for b.Loop() {
		if plan := choosePlan(all, limits{maxUnused: 0.05, packSize: full}); len(plan.drop) == 0 || len(plan.repack) == 0 {
			b.Fatalf("%d packs are dropped, %d repacked", len(plan.drop), len(plan.repack))
		}
	}
	b.ReportMetric(float64(len(all)*b.N)/b.Elapsed().Seconds(), "packs/s")
}
