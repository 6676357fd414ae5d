package repo_test

import (
	"bytes"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// If prune sees no snapshot, for whatever reason, it deletes data only with
// AllowNoSnapshots.
func TestPruneWithoutSnapshotsDeletesNothingUnlessPermitted(t *testing.T) {
	for how, hide := range map[string]func(f *fixture, name string) error{
		"the manifest is lost": func(f *fixture, name string) error { return f.target.Delete(t.Context(), name) },
		"it was moved to the forgotten ones": func(f *fixture, name string) error {
			b := f.target.(*targettest.Memory).Objects()[name]
			err := f.target.Put(t.Context(), "forgotten/"+strings.TrimPrefix(name, "snapshots/"), bytes.NewReader(b), int64(len(b)))
			return errors.Join(err, f.target.Delete(t.Context(), name))
		},
		"it was forgotten": func(f *fixture, name string) error {
			all, err := f.Snapshots(t.Context(), repo.Filter{})
			return errors.Join(err, f.Forget(t.Context(), []snapshot.ID{all[0].ID}))
		},
	} {
		t.Run(how, func(t *testing.T) {
			mem := &targettest.Memory{}
			f := newFixtureOn(t, mem)
			if _, err := f.Prune(t.Context(), repo.PruneOptions{}); err != nil {
				t.Errorf("without packs: %v", err)
			}
			m := f.snapshot(repo.FromFS(rollingTree(0), "/x"), repo.SnapshotOptions{})
			if err := hide(f, "snapshots/"+m.ID.String()); err != nil {
				t.Fatal(err)
			}
			before := mem.Objects()
			for _, dry := range []bool{true, false} {
				if _, err := f.Prune(t.Context(), repo.PruneOptions{DryRun: dry}); !errors.Is(err, repo.ErrWouldDeleteAll) {
					t.Errorf("dry run %v: %v", dry, err)
				}
			}
			if after := mem.Objects(); !maps.EqualFunc(before, after, bytes.Equal) {
				t.Error("a prune that was refused changed the target")
			}
			if r, err := f.Prune(t.Context(), repo.PruneOptions{AllowNoSnapshots: true}); err != nil || r.Removed == 0 || r.Removed != r.Packs {
				t.Errorf("permitted: %+v, %v", r, err)
			}
		})
	}
}

// As long as one snapshot stands, prune needs no permission.
func TestPruneOfOneSnapshotOfManyNeedsNoPermission(t *testing.T) {
	f := newFixture(t)
	first := f.snapshot(repo.FromFS(rollingTree(0), "/x"), repo.SnapshotOptions{})
	f.snapshot(repo.FromFS(rollingTree(300), "/x"), repo.SnapshotOptions{})
	if _, err := f.Prune(t.Context(), repo.PruneOptions{DryRun: true}); err != nil {
		t.Error(err)
	}
	if err := f.Forget(t.Context(), []snapshot.ID{first.ID}); err != nil {
		t.Fatal(err)
	}
	if r, err := f.Prune(t.Context(), repo.PruneOptions{}); err != nil || r.Removed == 0 {
		t.Errorf("%+v, %v", r, err)
	}
}
