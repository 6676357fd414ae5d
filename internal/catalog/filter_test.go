package catalog

import (
	"testing"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

func TestOnlySourceVersionsAreSelectedUnlessKindsAreNamed(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	var all []*snapshot.Manifest
	for i, kind := range []snapshot.Kind{snapshot.KindSource, snapshot.KindImported, snapshot.KindBeforeRestore, snapshot.KindTrial, "of a later version"} {
		end := now.Add(time.Duration(i-10) * time.Hour)
		all = append(all, &snapshot.Manifest{ID: snapshot.ID{byte(i + 1)}, Hostname: "h", Paths: []string{"/x"}, Number: uint64(i + 1), Start: end, End: end, Kind: kind})
	}
	placed := snapshot.Order(all, now)
	for _, c := range []struct {
		f      Filter
		n      int
		newest byte
	}{
		{Filter{}, 1, 1},
		{Filter{Until: now}, 1, 1},
		{Filter{Kinds: []snapshot.Kind{snapshot.KindSource, snapshot.KindImported}, Until: now}, 2, 2},
		{Filter{Kinds: []snapshot.Kind{snapshot.KindTrial}}, 1, 4},
		{Filter{AnyKind: true}, 5, 5},
		{Filter{AnyKind: true, Last: 2}, 2, 5},
	} {
		if got := c.f.Select(placed); len(got) != c.n {
			t.Errorf("%+v: %d are selected, want %d", c.f, len(got), c.n)
		}
		if m := c.f.newest(placed); m == nil || m.ID[0] != c.newest {
			t.Errorf("%+v: the newest is %+v", c.f, m)
		}
	}
	if n := len(sourcesOf((&Filter{AnyKind: true}).Select(placed))); n != 1 {
		t.Errorf("one source in %d kinds is %d sources", len(all), n)
	}
}
