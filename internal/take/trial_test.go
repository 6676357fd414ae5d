package take_test

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/internal/prune"
	"github.com/qsnap/qsnap/internal/take"
	"github.com/qsnap/qsnap/internal/test/enginetest"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

func TestATrialLeavesNothingBehindAndIsNoOthersParent(t *testing.T) {
	clock := &fixture.Clock{}
	mem := &targettest.Memory{}
	e := enginetest.Create(t, mem, clock)
	files := fstest.MapFS{"a": file("1"), "b": file("22")}
	first := run(t, e, clock, take.FS(files, "/x"), take.Options{})

	trial := run(t, e, clock, take.FS(fstest.MapFS{"a": file("sample")}, "/x"), take.Options{Kind: snapshot.KindTrial})
	if trial.Kind != snapshot.KindTrial || !trial.Parent.IsZero() || trial.Number != 1 || trial.Stats.Files != 1 {
		t.Errorf("%+v", trial)
	}
	if got, err := content(t, e, trial, "a"); got != "sample" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	next := run(t, e, clock, take.FS(files, "/x"), take.Options{})
	if next.Parent != first.ID || next.Number != 2 {
		t.Errorf("parent %v, number %d", next.Parent, next.Number)
	}
	if _, err := e.Catalog.ForgetAll(t.Context(), []snapshot.ID{trial.ID}); err != nil {
		t.Fatal(err)
	}
	if report, err := prune.Run(t.Context(), e, prune.Options{}); err != nil || report.Removed == 0 {
		t.Errorf("%d packs are removed, %v", report.Removed, err)
	}
	whole(t, e, "after it")
	if m, err := take.Run(t.Context(), e, take.FS(files, "/x"), take.Options{Kind: snapshot.KindEvidence}); m != nil || err == nil {
		t.Errorf("evidence is taken: %v, %v", m, err)
	}
}

// A snapshot of the whole source doesn't resume a trial of a sample.
func TestATrialIsNoRunOfItsSource(t *testing.T) {
	clock := &fixture.Clock{}
	e := enginetest.Create(t, &targettest.Memory{}, clock)
	src := take.FS(fstest.MapFS{"a": file("1")}, "/x")
	for kind, want := range map[snapshot.Kind]string{snapshot.KindSource: "snapshot true", snapshot.KindTrial: "trial false"} {
		var got string
		run(t, e, clock, src, take.Options{Kind: kind, Progress: func(take.Progress) {
			live := e.Runs.Liveness()
			if err := live.Refresh(t.Context()); err != nil {
				t.Error(err)
			}
			for _, r := range live.Living() {
				record, _ := live.Alive(r)
				got = fmt.Sprint(record.What, " ", record.IsOf("host", []string{"/x"}))
			}
		}})
		if got != want {
			t.Errorf("%v: the run is %q, not %q", kind, got, want)
		}
	}
}
