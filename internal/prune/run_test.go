package prune_test

import (
	"errors"
	"testing"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/prune"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

func TestRunDeletesDeadPacksAndKeepsLiveOnes(t *testing.T) {
	r := newRoom(t)
	old := r.take("abc")
	r.take("xyz")
	before := r.count(object.Packs)
	r.forget(old)
	report, err := prune.Run(t.Context(), r.Engine, prune.Options{})
	if err != nil || report.Removed == 0 || report.Packs != int64(before) || report.Snapshots != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	if left := r.count(object.Packs); int64(left) != report.Packs-report.Removed {
		t.Errorf("%d packs are left of %d", left, before)
	}
	for _, kind := range []object.Kind{object.Quarantine, object.Leases} {
		if n := r.count(kind); n > 0 {
			t.Errorf("%d objects are left below %s", n, kind)
		}
	}
	r.whole()
}

func TestADryRunChangesNothingAndForeseesWhatARunDoes(t *testing.T) {
	r := newRoom(t)
	old := r.take("abc")
	r.take("bxy") // so that a pack is partly used
	r.forget(old)
	before := r.mem.Objects()
	o := prune.Options{MaxUnused: new(0.0), DryRun: true}
	plan, err := prune.Run(t.Context(), r.Engine, o)
	if err != nil || plan.Repacked == 0 || plan.Cost.Requests == 0 {
		t.Fatalf("%+v, %v", plan, err)
	}
	r.same(before, "a dry run")
	o.DryRun = false
	done, err := prune.Run(t.Context(), r.Engine, o)
	if err != nil || done.Removed != plan.Removed || done.Repacked != plan.Repacked || done.RepackedBytes != plan.RepackedBytes {
		t.Errorf("%+v, %v; foreseen was %+v", done, err, plan)
	}
	r.whole()
}

func TestAReportIsValidWithAnError(t *testing.T) {
	r := newRoom(t)
	r.forget(r.take("abc"))
	report, err := prune.Run(t.Context(), r.Engine, prune.Options{})
	if !errors.Is(err, prune.ErrWouldDeleteAll) || report.Packs == 0 || report.Removed != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

// A pack in quarantine isn't relied on: its live blobs are repacked, whatever the limits are.
func TestLiveBlobsLeaveAPackThatAnotherRunHasInQuarantine(t *testing.T) {
	r := newRoom(t)
	r.take("abc")
	id, _ := r.dataPack()
	if err := r.Runs.Quarantine(t.Context(), id, seal.Run{1}, nil); err != nil {
		t.Fatal(err)
	}
	report, err := prune.Run(t.Context(), r.Engine, prune.Options{MaxRepack: new(int64(0))})
	if err != nil || report.Repacked != 1 || r.has(id) {
		t.Errorf("%+v, %v; it is there: %v", report, err, r.has(id))
	}
	r.whole()
}

// What is in quarantine stays until the runs have ended that may rely on it.
func TestADeadPackWaitsForTheRunsThatWereThereBefore(t *testing.T) {
	r := newRoom(t)
	old := r.take("abc")
	dead, _ := r.dataPack()
	r.take("xyz")
	r.forget(old)
	lease, err := r.Runs.Begin(t.Context(), seal.Run{7}, runs.Reading, runs.Record{What: "restore"})
	if err != nil {
		t.Fatal(err)
	}
	report, err := prune.Run(t.Context(), r.Engine, prune.Options{})
	if err != nil || report.WaitingPacks == 0 || len(report.Waiting) != 1 || report.Waiting[0].What != "restore" || !r.has(dead) {
		t.Errorf("%+v, %v", report, err)
	}
	lease.Release(t.Context())
	if report, err = prune.Run(t.Context(), r.Engine, prune.Options{}); err != nil || report.WaitingPacks != 0 || r.has(dead) {
		t.Errorf("after it has ended: %+v, %v", report, err)
	}
	r.whole()
}

func TestAPendingManifestIsAbandonedByATombstone(t *testing.T) {
	r := newRoom(t)
	m := r.take("abc")
	final, pending := object.Snapshots.Name(m.ID), object.Pending.Name(m.ID)
	r.mem.Set(pending, r.mem.Objects()[final])
	r.mem.Set(final, nil) // its run died before it published
	r.take("xyz")
	ids, err := prune.Pending(t.Context(), r.Engine)
	if err != nil || len(ids) != 1 || ids[0] != m.ID {
		t.Fatalf("%v, %v", ids, err)
	}
	unknown := prune.Options{DropPending: []snapshot.ID{{1}}}
	if _, err := prune.Run(t.Context(), r.Engine, unknown); !errors.Is(err, catalog.ErrNoSnapshot) {
		t.Errorf("one that isn't there: %v", err)
	}
	if _, err := prune.Run(t.Context(), r.Engine, prune.Options{}); err != nil {
		t.Fatal(err)
	}
	if r.count(object.Pending) != 0 || !r.Catalog.IsTombstone(r.mem.Objects()[final]) {
		t.Errorf("there are %d pending manifests; under the final name are %d bytes", r.count(object.Pending), len(r.mem.Objects()[final]))
	}
}

func TestPacksThatNoDeltaListsAreListedAndCountAllTheSame(t *testing.T) {
	r := newRoom(t)
	r.take("abc")
	for name := range r.mem.Objects() {
		if object.Deltas.Has(name) {
			r.mem.Set(name, nil)
		}
	}
	report, err := prune.Run(t.Context(), r.Engine, prune.Options{})
	if err != nil || report.Removed != 0 {
		t.Errorf("%+v, %v", report, err)
	}
	listed := map[pack.ID]bool{}
	for d, err := range r.Store.IDs(t.Context(), object.Deltas) {
		if err != nil {
			t.Fatal(err)
		}
		infos, err := r.Blobs.ReadDelta(t.Context(), d.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range infos {
			listed[p.ID] = true
		}
	}
	if len(listed) != r.count(object.Packs) {
		t.Errorf("%d packs of %d are listed", len(listed), r.count(object.Packs))
	}
	r.whole()
}

func TestAPackThatIsGoneLeavesEveryQuarantine(t *testing.T) {
	r := newRoom(t)
	r.take("abc")
	if err := r.Runs.Quarantine(t.Context(), pack.ID{1}, seal.Run{1}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := prune.Run(t.Context(), r.Engine, prune.Options{}); err != nil || r.count(object.Quarantine) != 0 {
		t.Errorf("%v; %d packs are in quarantine", err, r.count(object.Quarantine))
	}
}
