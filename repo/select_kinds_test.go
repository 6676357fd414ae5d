package repo

import (
	"testing"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

func TestOnlySourceVersionsArePickedUnlessKindsAreNamed(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	var all []*snapshot.Manifest
	for i, kind := range []snapshot.Kind{snapshot.KindSource, snapshot.KindImported, snapshot.KindBeforeRestore, snapshot.KindTrial, "of a later version"} {
		end := now.Add(time.Duration(i-10) * time.Hour)
		all = append(all, &snapshot.Manifest{ID: snapshot.ID{byte(i + 1)}, Hostname: "h", Paths: []string{"/x"}, Number: uint64(i + 1), Start: end, End: end, Kind: kind})
	}
	placed := snapshot.Order(all, now)
	for _, c := range []struct {
		s      Select
		n      int
		newest byte
	}{
		{Select{}, 1, 1},
		{Select{Before: now}, 1, 1},
		{Select{Kinds: []snapshot.Kind{snapshot.KindSource, snapshot.KindImported}, Before: now}, 2, 2},
		{Select{Kinds: []snapshot.Kind{snapshot.KindTrial}}, 1, 4},
		{Select{AnyKind: true}, 5, 5},
		{Select{AnyKind: true, Last: 2}, 2, 5},
	} {
		if got := c.s.pick(placed); len(got) != c.n {
			t.Errorf("%+v: %d are picked, want %d", c.s, len(got), c.n)
		}
		if m := c.s.newest(placed); m == nil || m.ID[0] != c.newest {
			t.Errorf("%+v: the newest is %+v", c.s, m)
		}
	}
	if n := len(versionsOf((&Select{AnyKind: true}).pick(placed))); n != 1 {
		t.Errorf("one source in %d kinds is %d sources", len(all), n)
	}
}
