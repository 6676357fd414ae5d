package prune

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/pack"
)

func blob(n uint64) (id chunk.ID) {
	r := rand.New(rand.NewPCG(n, 5))
	for i := 0; i < len(id); i += 8 {
		binary.LittleEndian.PutUint64(id[i:], r.Uint64())
	}
	return id
}

func TestALiveSetKnowsWhatWasAddedAndInWhichOrder(t *testing.T) {
	var l Live
	if l.Mark(blob(1), false) != nil || l.Mark(blob(1), true) != nil {
		t.Error("an empty set has something")
	}
	const n = 20_000
	for i := range uint64(n) {
		tree := i%5 == 0
		if !l.Add(blob(i), tree) || l.Add(blob(i), tree) {
			t.Fatalf("blob %d", i)
		}
	}
	if l.Len() != n {
		t.Errorf("%d blobs", l.Len())
	}
	for i := range uint64(n) {
		tree := i%5 == 0
		m := l.Mark(blob(i), tree)
		if m == nil || m.Order != uint32(i+1) || m.Keeper != 0 {
			t.Fatalf("blob %d: %+v", i, m)
		}
		if l.Mark(blob(i), !tree) != nil {
			t.Fatalf("blob %d is a tree and a chunk", i)
		}
		m.Keeper = uint32(i)
	}
	for i := range uint64(n) {
		if m := l.Mark(blob(i), i%5 == 0); m.Keeper != uint32(i) {
			t.Fatalf("blob %d: its keeper is %d", i, m.Keeper)
		}
		if l.Mark(blob(n+i), false) != nil {
			t.Fatalf("blob %d was never added", n+i)
		}
	}
}

func packs(used ...int64) []Pack {
	var out []Pack
	for i, u := range used {
		out = append(out, Pack{ID: pack.ID(blob(uint64(i))), Size: 1000, Used: u})
	}
	return out
}

func TestChooseDropsTheDeadAndEmptiesTheEmptiestFirst(t *testing.T) {
	limits := Limits{MaxUnused: 0.05, PackSize: 1000}
	plan := Choose(packs(1000, 0, 990, 100, 1000, 600, 0), limits)
	if !slices.Equal(plan.Drop, []int{1, 6}) || !slices.Equal(plan.Repack, []int{3, 5}) || plan.Unused != 10 {
		t.Errorf("%+v", plan)
	}
	limits.MaxRepack = 100
	if plan = Choose(packs(1000, 0, 990, 100, 1000, 600, 0), limits); !slices.Equal(plan.Repack, []int{3}) || plan.Unused != 410 {
		t.Errorf("with a limit: %+v", plan)
	}
	limits = Limits{MaxUnused: 1e18, PackSize: 1000}
	if plan = Choose(packs(1000, 0, 1, 1), limits); !slices.Equal(plan.Drop, []int{1}) || len(plan.Repack) != 0 {
		t.Errorf("without one: %+v", plan)
	}
}

func TestChooseLeavesAloneWhatItIsToldTo(t *testing.T) {
	all := packs(0, 0, 10, 10)
	all[0].Leave, all[2].Leave = true, true
	plan := Choose(all, Limits{MaxUnused: 0.05, PackSize: 1000})
	if !slices.Equal(plan.Drop, []int{1}) || !slices.Equal(plan.Repack, []int{3}) {
		t.Errorf("%+v", plan)
	}
}

// What others have in quarantine has to be emptied, whatever the limits are.
func TestChooseEmptiesWhatIsBanned(t *testing.T) {
	all := packs(1000, 1000, 0)
	all[1].Banned, all[2].Banned = true, true
	plan := Choose(all, Limits{MaxUnused: 1, MaxRepack: 1, PackSize: 1000})
	if !slices.Equal(plan.Repack, []int{1}) || !slices.Equal(plan.Drop, []int{2}) {
		t.Errorf("%+v", plan)
	}
}

// An hourly run adds a small pack or two. However long that goes on, the packs stay
// few, and each byte is written anew a few times only.
func TestSmallPacksAreGatheredAndRarelyWrittenAgain(t *testing.T) {
	const full = 16 << 20
	r := rand.New(rand.NewPCG(1, 2))
	var all []Pack
	var added, rewritten int64
	most := 0
	for hour := range 5000 {
		p := Pack{ID: pack.ID(blob(uint64(hour))), Size: 2000 + r.Int64N(60_000), Tree: hour%2 == 0}
		p.Used = p.Size
		added += p.Size
		all = append(all, p)
		plan := Choose(all, Limits{MaxUnused: 0.05, PackSize: full})
		if len(plan.Drop) > 0 {
			t.Fatalf("%+v", plan)
		}
		for _, tree := range []bool{false, true} {
			gathered := Pack{ID: pack.ID(blob(uint64(hour + 1e6))), Tree: tree}
			for _, i := range plan.Repack {
				if all[i].Tree == tree {
					gathered.Size += all[i].Size
				}
			}
			gathered.Used = gathered.Size
			rewritten += gathered.Size
			if gathered.Size > 0 {
				all = append(all, gathered)
			}
		}
		all = slices.DeleteFunc(all, func(p Pack) bool {
			return slices.ContainsFunc(plan.Repack, func(i int) bool { return all[i].ID == p.ID })
		})
		most = max(most, len(all))
	}
	t.Logf("%d packs at most, %d at last; each byte was written %.1f times more", most, len(all), float64(rewritten)/float64(added))
	if most > 110 || float64(rewritten) > 6*float64(added) {
		t.Errorf("%d packs at most; each byte was written %.1f times more", most, float64(rewritten)/float64(added))
	}
}
