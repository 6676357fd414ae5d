package prune

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/qsnap/qsnap/pack"
)

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

func TestChooseLeavesProtectedPacksAlone(t *testing.T) {
	all := packs(0, 0, 10, 10)
	all[0].leave, all[2].leave = true, true
	plan := choosePlan(all, limits{maxUnused: 0.05, packSize: 1000})
	if !slices.Equal(plan.drop, []int{1}) || !slices.Equal(plan.repack, []int{3}) {
		t.Errorf("%+v", plan)
	}
}

// Packs in quarantine are emptied, whatever the limits are.
func TestChooseEmptiesPacksInQuarantine(t *testing.T) {
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

func TestPacksOfAnOlderKeyAreMovedAsFarAsTheyMayBe(t *testing.T) {
	const full = 16 << 20
	packs := []candidate{
		{id: pack.ID{1}, size: full, used: full},
		{id: pack.ID{2}, size: full, used: full, oldKey: true},
		{id: pack.ID{3}, size: full, used: full / 2, oldKey: true},
		{id: pack.ID{4}, size: full, used: 0, oldKey: true},
		{id: pack.ID{5}, size: full, used: full, oldKey: true, leave: true},
		{id: pack.ID{6}, size: full, used: 1, oldKey: true, quarantined: true},
	}
	for _, c := range []struct {
		limit *int64
		want  []int
	}{{nil, []int{5, 2, 1}}, {new(int64(full)), []int{5, 2}}, {new(int64(full / 4)), []int{5}}, {new(int64(0)), []int{5}}} {
		plan := choosePlan(packs, limits{maxUnused: 100, maxRepack: c.limit, packSize: full})
		if !slices.Equal(plan.repack, c.want) || !slices.Equal(plan.drop, []int{3}) {
			t.Errorf("%+v, want %v", plan, c.want)
		}
	}
}
