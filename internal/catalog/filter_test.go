package catalog

import (
	"slices"
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

func TestAProfileSelectsItsVersionsAndThoseOfItsPathsWithoutAProfile(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	one, other := snapshot.Installation{1}, snapshot.Installation{2}
	var all []*snapshot.Manifest
	for i, m := range []snapshot.Manifest{
		{Hostname: "web", Paths: []string{"/srv"}, Job: snapshot.Job{Profile: "app", Installation: one}},
		{Hostname: "web", Paths: []string{"/srv", "/etc"}, Job: snapshot.Job{Profile: "app", Installation: other}},
		{Hostname: "web", Paths: []string{"/srv"}},
		{Hostname: "web", Paths: []string{"/srv"}, Job: snapshot.Job{Profile: "night", Installation: one}},
		{Hostname: "web", Paths: []string{"/srv/www"}},
		{Hostname: "db", Paths: []string{"/srv"}, Job: snapshot.Job{Profile: "app"}},
		{Hostname: "web", Paths: []string{"/etc", "/srv"}},
		{Hostname: "web", Paths: []string{"/srv"}, Kind: snapshot.KindTrial, Job: snapshot.Job{Profile: "app", Installation: one}},
	} {
		m.Number, m.End = uint64(i+1), now.Add(time.Duration(i-10)*time.Hour)
		all = append(all, &m)
	}
	placed := snapshot.Order(all, now)
	for _, c := range []struct {
		f    Filter
		want []uint64
	}{
		{Filter{Profile: "app"}, []uint64{1, 2, 6}},
		{Filter{Profile: "app", Hostname: "web"}, []uint64{1, 2}},
		{Filter{Profile: "app", ProfilePaths: []string{"/srv"}, Hostname: "web"}, []uint64{1, 2, 3}},
		{Filter{Profile: "app", ProfilePaths: []string{"/srv", "/etc", "/srv/www", "/etc"}, Hostname: "web"}, []uint64{1, 2, 7}},
		{Filter{ProfilePaths: []string{"/srv"}, Hostname: "db"}, []uint64{6}},
		{Filter{Installation: one}, []uint64{1, 4}},
		{Filter{Profile: "app", Installation: one, AnyKind: true}, []uint64{1, 8}},
		{Filter{Profile: "none", ProfilePaths: []string{"/x"}}, nil},
	} {
		var got []uint64
		for _, p := range c.f.Select(placed) {
			got = append(got, p.Number)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.f, got, c.want)
		}
	}
	f := Filter{Profile: "none", Hostname: "web", Installation: one}
	if got, want := f.text(), " of host web of profile none of installation 01000000000000000000000000000000"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
