package repair_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/repair"
	"github.com/qsnap/qsnap/snapshot"
)

// lacking returns a repository with a snapshot of a to f, of which some are lost.
func lacking(t *testing.T) (*room, *snapshot.Manifest) {
	r, _, _, _ := damaged(t)
	if _, err := repair.Packs(t.Context(), r.Engine, repair.PackOptions{}); err != nil {
		t.Fatal(err)
	}
	r.reopen()
	all, err := r.Catalog.Every(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("%d snapshots, %v", len(all), err)
	}
	return r, all[0]
}

func TestASnapshotIsMadeWithoutWhatIsLost(t *testing.T) {
	for _, forget := range []bool{false, true} {
		r, m := lacking(t)
		lost := ""
		reports, err := repair.Snapshots(t.Context(), r.Engine, nil, repair.SnapshotOptions{
			Forget: forget,
			Lost: func(of *snapshot.Manifest, path string, e *snapshot.Entry, why error) {
				if lost += path; of.ID != m.ID || why == nil {
					t.Errorf("%s of %s: %v", path, of.ID.Short(), why)
				}
			},
		})
		if err != nil || len(reports) != 1 || reports[0].Snapshot != m.ID || reports[0].Lost != int64(len(lost)) || lost == "" {
			t.Fatalf("%+v, %v; lost: %q", reports, err, lost)
		}
		made := reports[0].Repaired
		if made.Original != m.ID || made.Stats.Files != m.Stats.Files-uint64(len(lost)) || made.Problems.Total != uint64(len(lost)) {
			t.Errorf("%+v", made)
		}
		if got := r.names(made); len(got)+len(lost) != 6 || strings.ContainsAny(got, lost) {
			t.Errorf("it has %q, and %q is lost", got, lost)
		}
		if there := r.has(object.Snapshots.Name(m.ID)); there == forget {
			t.Errorf("forget: %v; the damaged one is there: %v", forget, there)
		}
	}
}

func TestARepairedSnapshotHasTheTagsThatItsPredecessorHasNow(t *testing.T) {
	r, m := lacking(t)
	if err := r.Catalog.Tag(t.Context(), m.ID, []string{"release", "blue"}); err != nil {
		t.Fatal(err)
	}
	reports, err := repair.Snapshots(t.Context(), r.Engine, nil, repair.SnapshotOptions{})
	if err != nil || len(reports) != 1 {
		t.Fatalf("%+v, %v", reports, err)
	}
	if got := reports[0].Repaired.Tags; !slices.Equal(got, []string{"blue", "release"}) {
		t.Errorf("its tags are %q", got)
	}
}

func TestADryRunOfARepairChangesNothing(t *testing.T) {
	r, _ := lacking(t)
	before := len(r.mem.Objects())
	reports, err := repair.Snapshots(t.Context(), r.Engine, nil, repair.SnapshotOptions{Forget: true, DryRun: true})
	if err != nil || len(reports) != 1 || reports[0].Repaired != nil || reports[0].Lost == 0 {
		t.Errorf("%+v, %v", reports, err)
	}
	if after := len(r.mem.Objects()); after != before {
		t.Errorf("%d objects, and %d before", after, before)
	}
}

func TestAWholeSnapshotIsNotReported(t *testing.T) {
	r := newRoom(t)
	r.take("ab")
	if reports, err := repair.Snapshots(t.Context(), r.Engine, nil, repair.SnapshotOptions{Forget: true}); err != nil || len(reports) != 0 {
		t.Errorf("%+v, %v", reports, err)
	}
}

// A manifest that can't be read is removed only if that is asked for, and never if its bytes
// are those that its name was made from: then it is another repository's.
func TestAManifestThatCanNotBeReadIsRemovedUnlessItMayBeIntact(t *testing.T) {
	r, other := newRoom(t), newRoom(t)
	bad, foreign := r.take("a"), other.take("b")
	damaged, intact := object.Snapshots.Name(bad.ID), object.Snapshots.Name(foreign.ID)
	r.flip(damaged, 60)
	r.mem.Set(intact, other.mem.Objects()[intact])
	r.reopen()
	for _, forget := range []bool{false, true} {
		reports, err := repair.Snapshots(t.Context(), r.Engine, nil, repair.SnapshotOptions{Forget: forget})
		if err != nil || len(reports) != 2 {
			t.Fatalf("%+v, %v", reports, err)
		}
		for _, one := range reports {
			if one.Err == nil || one.Kept != (one.Snapshot == foreign.ID) {
				t.Errorf("%+v", one)
			}
		}
		if r.has(damaged) == forget || !r.has(intact) {
			t.Errorf("forget: %v; the damaged one is there: %v; the foreign one: %v", forget, r.has(damaged), r.has(intact))
		}
	}
}

func TestARewriteLeavesOutWhatIsExcludedAndKeepsTheTagsOfNow(t *testing.T) {
	r := newRoom(t)
	m := r.take("abc")
	if err := r.Catalog.Annotate(t.Context(), m.ID, func(k *catalog.Mark) { k.Tagged, k.Tags = true, [][]byte{[]byte("kept")} }); err != nil {
		t.Fatal(err)
	}
	before := len(r.mem.Objects())
	dropped := ""
	o := repair.RewriteOptions{Exclude: []string{"b"}, DryRun: true, Dropped: func(path string, _ *snapshot.Entry) { dropped += path }}
	same, err := repair.Rewrite(t.Context(), r.Engine, m.ID, o)
	if err != nil || same.ID != m.ID || dropped != "b" || len(r.mem.Objects()) != before {
		t.Errorf("a dry run: %v, %v, without %q; %d objects, and %d before", same, err, dropped, len(r.mem.Objects()), before)
	}
	o.DryRun, o.Forget = false, true
	made, err := repair.Rewrite(t.Context(), r.Engine, m.ID, o)
	if err != nil || made.Original != m.ID || len(made.Tags) != 1 || made.Tags[0] != "kept" || r.has(object.Snapshots.Name(m.ID)) {
		t.Fatalf("%+v, %v", made, err)
	}
	if got := r.names(made); got != "ac" {
		t.Errorf("it has %q", got)
	}
	if again, err := repair.Rewrite(t.Context(), r.Engine, made.ID, o); err != nil || again.ID != made.ID {
		t.Errorf("again: %v, %v", again, err)
	}
	if _, err := repair.Rewrite(t.Context(), r.Engine, m.ID, o); !errors.Is(err, catalog.ErrNoSnapshot) {
		t.Errorf("of one that was forgotten: %v", err)
	}
}
