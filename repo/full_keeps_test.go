package repo_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// An appendOnly is a target that deletes no packs.
type appendOnly struct{ *targettest.Memory }

// Delete is part of target.Target.
func (a appendOnly) Delete(ctx context.Context, name string) error {
	if strings.HasPrefix(name, "packs/") {
		return &fs.PathError{Op: "delete", Path: name, Err: fs.ErrPermission}
	}
	return a.Memory.Delete(ctx, name)
}

// Where damaged packs can't be deleted, a full snapshot heals all the same, and restores find
// the good copies.
func TestARestoreFindsTheGoodCopyBesideADamagedOne(t *testing.T) {
	key := testKey(t)
	mem := damagedBase(t, key)
	r, err := repo.Open(t.Context(), appendOnly{mem}, key, repo.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	x, _ := fullTrees()
	said := 0
	m, err := r.Snapshot(t.Context(), repo.FromFS(x, "/x"), repo.SnapshotOptions{Level: snapshot.LevelFull, Progress: func(p repo.SnapshotProgress) {
		if p.Notice != nil {
			said++
		}
		if errors.Is(p.Notice, repo.ErrDamaged) {
			t.Errorf("other snapshots are damaged: %v", p.Notice)
		}
	}})
	if err != nil || m.Stats.Healed == 0 || said == 0 {
		t.Fatalf("%d bytes healed, %d notices, %v", m.Stats.Healed, said, err)
	}
	r.Close()
	if r, err = repo.Open(t.Context(), mem, key, repo.Options{CacheDir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	holdsBoth(t, r)
	all, err := r.Snapshots(t.Context(), repo.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if m.Paths[0] != "/x" {
			continue
		}
		to := t.TempDir()
		if _, err := r.Restore(t.Context(), m, repo.RestoreOptions{To: to, NoSync: true}); err != nil {
			t.Errorf("%v: %v", m, err)
		}
		for name, f := range x {
			if got, err := os.ReadFile(filepath.Join(to, filepath.FromSlash(name))); err != nil || string(got) != string(f.Data) {
				t.Fatalf("%v: %s has %d bytes, %v", m, name, len(got), err)
			}
		}
	}
}
