package prune

import (
	"slices"
	"testing"

	"github.com/qsnap/qsnap/pack"
)

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
