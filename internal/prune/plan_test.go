package prune

import (
	"slices"
	"testing"

	"github.com/qsnap/qsnap/pack"
)

func TestPacksOfAnOlderKeyAreMovedAsFarAsTheyMayBe(t *testing.T) {
	const full = 16 << 20
	packs := []Pack{
		{ID: pack.ID{1}, Size: full, Used: full},
		{ID: pack.ID{2}, Size: full, Used: full, OldKey: true},
		{ID: pack.ID{3}, Size: full, Used: full / 2, OldKey: true},
		{ID: pack.ID{4}, Size: full, Used: 0, OldKey: true},
		{ID: pack.ID{5}, Size: full, Used: full, OldKey: true, Leave: true},
		{ID: pack.ID{6}, Size: full, Used: 1, OldKey: true, Banned: true},
	}
	for _, c := range []struct {
		limit int64
		want  []int
	}{{0, []int{5, 2, 1}}, {full, []int{5, 2}}, {full / 4, []int{5}}} {
		plan := Choose(packs, Limits{MaxUnused: 100, MaxRepack: c.limit, PackSize: full})
		if !slices.Equal(plan.Repack, c.want) || !slices.Equal(plan.Drop, []int{3}) {
			t.Errorf("at most %d bytes: %+v, want %v", c.limit, plan, c.want)
		}
	}
}
