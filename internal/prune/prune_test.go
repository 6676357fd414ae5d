package prune

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/pack"
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

func packs(used ...int64) []candidate {
	var out []candidate
	for i, u := range used {
		out = append(out, candidate{id: pack.ID(blobID(uint64(i))), size: 1000, used: u})
	}
	return out
}

func TestChooseDropsTheDeadAndEmptiesTheEmptiestFirst(t *testing.T) {
	most := limits{maxUnused: 0.05, packSize: 1000}
	plan := choosePlan(packs(1000, 0, 990, 100, 1000, 600, 0), most)
	if !slices.Equal(plan.drop, []int{1, 6}) || !slices.Equal(plan.repack, []int{3, 5}) || plan.unused != 10 {
		t.Errorf("%+v", plan)
	}
	most.maxRepack = new(int64(100))
	if plan = choosePlan(packs(1000, 0, 990, 100, 1000, 600, 0), most); !slices.Equal(plan.repack, []int{3}) || plan.unused != 410 {
		t.Errorf("with a limit: %+v", plan)
	}
	most = limits{maxUnused: 1e18, packSize: 1000}
	if plan = choosePlan(packs(1000, 0, 1, 1), most); !slices.Equal(plan.drop, []int{1}) || len(plan.repack) != 0 {
		t.Errorf("without one: %+v", plan)
	}
}

func TestChooseLeavesAloneWhatItIsToldTo(t *testing.T) {
	all := packs(0, 0, 10, 10)
	all[0].leave, all[2].leave = true, true
	plan := choosePlan(all, limits{maxUnused: 0.05, packSize: 1000})
	if !slices.Equal(plan.drop, []int{1}) || !slices.Equal(plan.repack, []int{3}) {
		t.Errorf("%+v", plan)
	}
}

// What others have in quarantine has to be emptied, whatever the limits are.
func TestChooseEmptiesWhatIsBanned(t *testing.T) {
	all := packs(1000, 1000, 0)
	all[1].quarantined, all[2].quarantined = true, true
	plan := choosePlan(all, limits{maxUnused: 1, maxRepack: new(int64(1)), packSize: 1000})
	if !slices.Equal(plan.repack, []int{1}) || !slices.Equal(plan.drop, []int{2}) {
		t.Errorf("%+v", plan)
	}
}

// An hourly run adds a small pack or two. However long that goes on, the packs stay
// few, and each byte is written anew a few times only.
func TestSmallPacksAreGatheredAndRarelyWrittenAgain(t *testing.T) {
	const full = 16 << 20
	r := rand.New(rand.NewPCG(1, 2))
	var all []candidate
	var added, rewritten int64
	most := 0
	for hour := range 5000 {
		p := candidate{id: pack.ID(blobID(uint64(hour))), size: 2000 + r.Int64N(60_000), tree: hour%2 == 0}
		p.used = p.size
		added += p.size
		all = append(all, p)
		plan := choosePlan(all, limits{maxUnused: 0.05, packSize: full})
		if len(plan.drop) > 0 {
			t.Fatalf("%+v", plan)
		}
		for _, tree := range []bool{false, true} {
			gathered := candidate{id: pack.ID(blobID(uint64(hour + 1e6))), tree: tree}
			for _, i := range plan.repack {
				if all[i].tree == tree {
					gathered.size += all[i].size
				}
			}
			gathered.used = gathered.size
			rewritten += gathered.size
			if gathered.size > 0 {
				all = append(all, gathered)
			}
		}
		all = slices.DeleteFunc(all, func(p candidate) bool {
			return slices.ContainsFunc(plan.repack, func(i int) bool { return all[i].id == p.id })
		})
		most = max(most, len(all))
	}
	t.Logf("%d packs at most, %d at last; each byte was written %.1f times more", most, len(all), float64(rewritten)/float64(added))
	if most > 110 || float64(rewritten) > 6*float64(added) {
		t.Errorf("%d packs at most; each byte was written %.1f times more", most, float64(rewritten)/float64(added))
	}
}
