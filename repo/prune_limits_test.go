package repo_test

import (
	"slices"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

// partlyUnused returns a repository in which packs are partly unused.
func partlyUnused(t *testing.T) *fixture {
	f := newFixture(t)
	for v := range 3 {
		f.snapshot(repo.FromFS(rollingTree(7*v), "/x"), repo.SnapshotOptions{})
	}
	if err := f.Forget(t.Context(), []snapshot.ID{f.all()[0].ID}); err != nil {
		t.Fatal(err)
	}
	return f
}

// A limit of zero is another than no limit.
func TestALimitOfZeroRepacksNothing(t *testing.T) {
	for name, o := range map[string]repo.PruneOptions{
		"bytes": {MaxUnused: new(0.0), MaxRepack: new(int64(0))},
		"time":  {MaxUnused: new(0.0), Budget: new(time.Duration(0))},
	} {
		f := partlyUnused(t)
		if r := f.prune(o); r.Repacked != 0 || r.RepackedBytes != 0 {
			t.Errorf("no %s: %d packs are repacked", name, r.Repacked)
		}
		if r := f.prune(repo.PruneOptions{MaxUnused: new(0.0)}); r.Repacked == 0 {
			t.Errorf("without limits nothing is repacked: %+v", r)
		}
		f.clean()
	}
}

func TestAPruneNamesThePhasesThatAreDocumented(t *testing.T) {
	known := []repo.Phase{
		repo.PhaseIndex, repo.PhaseSnapshots, repo.PhaseLocks, repo.PhaseQuarantine, repo.PhaseWait, repo.PhaseRepack, repo.PhaseDelete,
	}
	f := partlyUnused(t)
	seen := map[repo.Phase]bool{}
	f.prune(repo.PruneOptions{MaxUnused: new(0.0), Progress: func(p repo.Progress) {
		if seen[p.Phase] = true; !slices.Contains(known, p.Phase) || p.Unit != repo.UnitObjects {
			t.Errorf("%+v", p)
		}
	}})
	for _, phase := range []repo.Phase{repo.PhaseIndex, repo.PhaseSnapshots, repo.PhaseQuarantine, repo.PhaseRepack, repo.PhaseDelete} {
		if !seen[phase] {
			t.Errorf("phase %s wasn't reported", phase)
		}
	}
}
