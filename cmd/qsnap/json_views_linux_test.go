package main

import (
	"errors"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

// What these print only a long run has, an unlucky one or another target; and each number
// differs from all others, so that none can take another's place.

var (
	exactTime     = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	exactManifest = &snapshot.Manifest{
		ID: snapshot.ID{1}, Parent: snapshot.ID{2}, Previous: snapshot.ID{3}, Original: snapshot.ID{4}, Number: 5,
		Hostname: "web1", Username: "ann", Paths: []string{"/srv", "/b\xff"}, Tags: []string{"daily"}, Excludes: []string{"*.tmp"},
		Start: exactTime, End: exactTime.Add(time.Minute), Program: "0.1", Kind: snapshot.KindEvidence,
		Stats: snapshot.Stats{
			Files: 10, Bytes: 11, NewFiles: 12, ChangedFiles: 13, SameFiles: 14, NewDirs: 15, ChangedDirs: 16, SameDirs: 17,
			DataBlobs: 18, TreeBlobs: 19, DataAdded: 20, TreeAdded: 21, DataStored: 22, TreeStored: 23, IndexStored: 24, BytesRead: 25,
		},
		Skipped: snapshot.Remarks{Total: 30}, Problems: snapshot.Remarks{Total: 31},
		Pin:   &snapshot.Pin{Until: exactTime},
		Level: snapshot.LevelDifferential, Job: snapshot.Job{Profile: "app", Slot: exactTime, Installation: snapshot.Installation{6}},
	}
)

func (s *jsonSession) views() {
	long := time.Now().Add(-time.Hour)
	m := exactManifest
	s.exact("snapshot", func(p *program) {
		for _, u := range []repo.SnapshotProgress{
			{Stats: snapshot.Stats{Files: 1, Bytes: 2}, Progress: repo.Progress{Elapsed: 1500 * time.Millisecond}, Current: "sub"},
			{Stats: snapshot.Stats{Files: 1, Bytes: 2}, Parent: &snapshot.Manifest{Stats: snapshot.Stats{Files: 3, Bytes: 8}}, Current: "sub"},
			{Notice: errors.New("odd"), Path: "sub/a"}, {Problem: errors.New("unread"), Path: "sub/a"},
		} {
			(&snapshotView{p: p, view: p.newView(), json: long, cancel: func() {}}).update(u)
		}
		s.must(p.snapshotSummary(m, repo.Cost{Requests: 1, BytesUp: 2, BytesDown: 3}, []string{"*.tmp"}, true))
		s.must(p.snapshotSummary(m, repo.Cost{}, nil, false))
	})
	s.exact("restore", func(p *program) {
		v := &restoreView{p: p, view: p.newView(), verbose: true}
		for _, u := range []repo.RestoreProgress{
			{Report: repo.RestoreReport{Files: 1, Bytes: 2}, Progress: repo.Progress{Done: 2, Elapsed: 1500 * time.Millisecond}},
			{Report: repo.RestoreReport{Files: 1, Bytes: 2}, Progress: repo.Progress{Done: 2, Total: 8}, Whole: snapshot.Stats{Files: 3, Bytes: 8}},
			{Problem: errors.New("lost"), Path: "sub/a"}, {Elsewhere: m, Path: "sub/a"}, {Notice: &repo.NamesUnknown{First: "a", Second: "A"}, Path: "sub"},
			{Leftover: "moved aside", Path: "sub/b"}, {Spared: "not covered", Path: "sub/c"},
		} {
			v.json = long
			v.update(u)
		}
		s.must(p.restoreSummary(m, repo.RestoreOptions{}, repo.RestoreReport{
			Files: 1, Dirs: 20, Others: 300, Bytes: 4, Created: 5, Replaced: 60, Touched: 7, Deleted: 8, Spared: 9, BytesWritten: 10,
			Packs: 11, PackBytes: 12, Requests: 13, Problems: 14, Withheld: 15,
		}, 1500*time.Millisecond))
	})
	s.exact("copy", func(p *program) {
		for _, u := range []repo.CopyProgress{
			{Report: repo.CopyReport{Copied: 1, Failed: 5, BytesRead: 2, BytesStored: 3}, Progress: repo.Progress{Total: 4, Elapsed: 1500 * time.Millisecond}},
			{Current: m, Problem: errors.New("lost")},
		} {
			(&copyView{p: p, view: p.newView(), json: long}).update(u)
		}
		s.must(p.copySummary("twin", repo.CopyReport{
			Copied: 1, Skipped: 2, Failed: 3, BytesRead: 4, PacksMoved: 5, BytesMoved: 6, Blobs: 7, BlobBytes: 8, BytesStored: 9,
		}, 1500*time.Millisecond))
	})
	s.exact("snapshots", func(p *program) {
		full := snapshot.SinceFull{Full: &snapshot.Manifest{ID: snapshot.ID{7}}, Bytes: 40, Missing: 2}
		s.must(p.showSnapshots(nil, []*snapshot.Manifest{m}, map[snapshot.ID]snapshot.SinceFull{m.ID: full}))
	})
	s.maintains()
}

func (s *jsonSession) maintains() {
	m, at := exactManifest, exactTime
	s.exact("prune", func(p *program) {
		s.must(p.pruneSummary(repo.PruneReport{
			Snapshots: 1, Packs: 2, PackBytes: 3, Removed: 4, RemovedBytes: 5, Repacked: 6, RepackedBytes: 7, UnusedBytes: 8,
			WaitingPacks: 9, WaitingBytes: 10, Waiting: []repo.WaitingRun{{What: "snapshot", Hostname: "web1", Username: "ann", Begun: at, DeadBy: at.Add(time.Hour)}},
			LockedPacks: 11, LockedBytes: 12, LockedFirst: at, LockedLast: at.Add(time.Hour), Stale: []*snapshot.Manifest{m},
			Cost: repo.Cost{Requests: 13, BytesUp: 14, BytesDown: 15}, Left: []error{errors.New("left alone")},
		}, true, 1500*time.Millisecond))
	})
	s.exact("replicate", func(p *program) {
		s.must(p.replicaSummary("replica", repo.ReplicateReport{
			Snapshots: 1, Packs: 2, Objects: 3, Bytes: 4, RemovedSnapshots: 5, RemovedPacks: 6, RemovedObjects: 7, RemovedBytes: 8,
			Damaged: []error{errors.New("damaged")}, Unexplained: []snapshot.ID{m.ID},
		}, 1500*time.Millisecond, false, false))
	})
	s.exact("check", func(p *program) {
		err := p.checkSummary(repo.CheckReport{Snapshots: 1, Trees: 2, Packs: 3, PackBytes: 4, BytesRead: 5, Findings: []repo.Finding{
			{Kind: repo.FindingForeign, Object: "foreign", What: "it is not qsnap's"},
			{Kind: repo.FindingBadConfig, Object: "config", What: "it is damaged"},
			{Kind: repo.FindingLost, Object: "chunk", What: "it is lost", Total: 2, Files: []repo.AffectedFile{{Snapshot: m.ID, Path: "/a\xff"}, {Snapshot: m.ID, Path: "/b", Dir: true}}},
		}}, 1500*time.Millisecond)
		if !errors.Is(err, errDamage) {
			s.Error(err)
		}
		s.must(p.showComparison("replica", repo.Comparison{Objects: 1, Bytes: 2, BytesRead: 3, Differences: []repo.Difference{{Name: "packs/a", Here: repo.StateSound, There: repo.StateMissing}}}, false))
	})
	s.exact("repair", func(p *program) {
		p.showRepair(repo.SnapshotRepair{Snapshot: snapshot.ID{7}, Repaired: m, Lost: 1}, false)
		p.showRepair(repo.SnapshotRepair{Snapshot: snapshot.ID{7}, Err: errors.New("damaged"), Kept: true}, false)
	})
	s.exact("target", func(p *program) { s.must(p.showUnhidden([]string{"config"}, false)) })
}

func (s *jsonSession) must(err error) {
	s.Helper()
	if err != nil {
		s.Error(err)
	}
}
