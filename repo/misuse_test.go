package repo_test

import (
	"errors"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

func TestWhatIsNotGivenIsAnError(t *testing.T) {
	if _, err := repo.Open(t.Context(), nil, testKey(t), repo.Options{}); err == nil {
		t.Error("a repository was opened on no target")
	}
	if _, err := repo.Init(t.Context(), nil, testKey(t), repo.InitOptions{}); err == nil {
		t.Error("a repository was made on no target")
	}
	f := newFixture(t)
	if _, err := f.Snapshot(t.Context(), repo.Source{}, repo.SnapshotOptions{}); err == nil {
		t.Error("a snapshot was taken of no source")
	}
}

func TestOnlyASnapshotThatIsThereIsPinnedOrTagged(t *testing.T) {
	f, ctx := newFixture(t), t.Context()
	for what, err := range map[string]error{
		"pin":   f.Catalog().Pin(ctx, snapshot.ID{1}, time.Time{}),
		"unpin": f.Catalog().Unpin(ctx, snapshot.ID{1}),
		"tag":   f.Catalog().Tag(ctx, snapshot.ID{1}, []string{"a"}),
	} {
		if !errors.Is(err, repo.ErrNoSnapshot) {
			t.Errorf("%s: %v", what, err)
		}
	}
	m := f.snapshot(repo.FromFS(fstest.MapFS{"a": {Data: []byte("a")}}, "/x"), repo.SnapshotOptions{})
	if err := f.Catalog().Tag(ctx, m.ID, []string{"a", ""}); err == nil || errors.Is(err, repo.ErrNoSnapshot) {
		t.Errorf("an empty tag: %v", err)
	}
	if err := errors.Join(f.Catalog().Tag(ctx, m.ID, []string{"a"}), f.Catalog().Pin(ctx, m.ID, time.Time{}), f.Catalog().Unpin(ctx, m.ID)); err != nil {
		t.Error(err)
	}
}
