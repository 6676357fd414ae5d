package repo_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/repo"
)

func TestASnapshotReportsHowFarItHasCome(t *testing.T) {
	f := newFixture(t)
	parent := f.snapshot(repo.FromFS(fstest.MapFS{"a": {Data: []byte("1234567")}}, "/src"), repo.SnapshotOptions{})
	var last repo.SnapshotProgress
	calls := 0
	m := f.snapshot(repo.FromFS(fstest.MapFS{"a": {Data: []byte("123")}, "b": {Data: []byte("12")}}, "/src"), repo.SnapshotOptions{
		Exclude: []string{"/src/none"}, Progress: func(p repo.SnapshotProgress) { last, calls = p, calls+1 },
	})
	if !last.Finished || last.Phase != repo.PhaseCapture || last.Done != 5 || last.Total != 7 || last.Unit != repo.UnitBytes {
		t.Errorf("after %d calls the last progress is %+v", calls, last.Progress)
	}
	if last.Parent.ID != parent.ID || last.Stats.Bytes != m.Stats.Bytes || len(last.Unmatched) != 1 {
		t.Errorf("the last update is %+v", last)
	}
}

func TestALimitOfFileSizesBelowOneIsRefused(t *testing.T) {
	f := newFixture(t)
	for _, limit := range []int64{0, -1} {
		m, err := f.Repo.Snapshot(t.Context(), repo.FromFS(fstest.MapFS{"a": {}}, "/src"), repo.SnapshotOptions{MaxFileSize: &limit})
		if err == nil || !strings.Contains(err.Error(), "limit of file sizes") || m != nil {
			t.Errorf("limit %d: %v, %v", limit, m, err)
		}
	}
	one := int64(1)
	m := f.snapshot(repo.FromFS(fstest.MapFS{"a": {Data: []byte("12")}, "b": {Data: []byte("1")}}, "/src"), repo.SnapshotOptions{MaxFileSize: &one})
	if m.Rules == nil || m.Rules.MaxFileSize != 1 || m.Stats.Files != 1 {
		t.Errorf("limit 1: %+v, %d files", m.Rules, m.Stats.Files)
	}
}
