package main

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

// What qsnap prints about a host's runs has the same shape as their records.
func TestJSONOfAHostStaysAsItIs(t *testing.T) {
	s := newJSONSession(t)
	host := &hostSession{t, s.dir, s.env}
	maps.Copy(s.env, map[string]string{"STATE_DIRECTORY": s.dir + "/state", "QSNAP_CONFIG": s.dir + "/config.yaml"})
	s.recorded(host)
	s.stands()
	s.same()
}

// stands prints how profiles stand, and a report, that have all their members.
func (s *jsonSession) stands() {
	s.Helper()
	at := time.Date(2026, 11, 30, 14, 6, 0, 0, time.UTC)
	id := snapshot.ID{0xab}
	running := report.RunProgress{
		Head: report.Head{MessageType: "run_progress"}, ID: "r1", Profile: "app", Trigger: report.BySchedule, Level: "full", Slot: at, PID: 42,
		Started: at, Updated: at, Step: "snapshot", Phase: "reading", Done: 1, Total: 2, Unit: "bytes", Current: "/srv/app", CPU: 0.05, IO: 0.1,
	}
	standing := report.Standing{
		Profile: "app", Repository: "/backup/app", State: report.IsFailing, Summary: "failing: disk on fire", Known: report.FromRepository, LastGood: at, LastGoodID: id,
		Age: 360, OverdueAge: 7200, Failures: 1, Cause: "disk on fire", NextDue: at, Running: &running, Dead: true,
	}
	s.exact("status", func(p *program) {
		_ = p.emit(report.Status{
			Head: report.Head{MessageType: "host_status"}, Time: at, Host: "web1", Summary: "app needs attention",
			Profiles: []report.Standing{standing}, Others: []report.LiveRun{{RunProgress: running, Dead: true}},
		})
		p.emitBeside(report.NewError(errors.New("lost"), "status", ""))
	})
	kept := report.Promise{Kept: 1, Of: 2, Ratio: 0.5, Goal: 0.999, Causes: []report.Reason{{Text: "no run started", Count: 1}}}
	use := report.Use{Mean: 0.05, P95: 0.09, Max: 0.1, Budget: 0.1}
	s.exact("report", func(p *program) {
		_ = p.emit(report.HostReport{
			Head: report.Head{MessageType: "host_report"}, Time: at, Since: at, Host: "web1", Installation: "ab", Summary: "app needs attention", Attention: []string{"app is failing"},
			Profiles: []report.ProfileReport{{
				Standing: standing, Schedule: "every 1h", OnTime: kept, Success: kept,
				Slots:    []report.SlotReport{{Slot: at, State: report.SlotIncomplete, Late: 61, Snapshot: id, New: 1, Bytes: 2, Cause: "/srv/x is missing"}},
				Versions: report.VersionReport{Kept: 75, Good: 74, Slots: 71, Wanted: 72, Possible: 72, Oldest: at, Newest: at},
				Last:     &report.RunTaken{ID: id, Good: true},
				Cost:     &report.CostReport{Runs: 1, CPU: use, IO: use, Memory: use, Hour: report.RunHour{CPU: 0.01, IO: 0.02}, Over: 1, Seconds: 2, DiskBytes: 3, Duration: 4, DurationUp: 5},
			}},
			Repositories: []report.RepositoryReport{{
				Location: "/backup/app", Profiles: []string{"app"}, Versions: 75, FullBytes: 100, UniqueBytes: 20, Stored: 10, Saved: 0.9, SavedGoal: 0.6, Dedup: 0.8, Compression: 0.5,
				PerDay: 1.5, Free: 10, FullOn: at, Sizes: []report.SizeReport{{Time: at, Stored: 10}},
			}},
			Restores: report.RestoreReport{Success: kept, InTime: kept, Goal: 300, FirstFile: report.Times{Median: 1, Max: 2}, Done: report.Times{Median: 3, Max: 4}},
			Drills:   kept, Proofs: kept, Silent: []report.SilentHost{{Host: "old", Newest: at, Next: "qsnap forget --host old"}}, Unreadable: []string{"record"},
		})
	})
}

// recorded lists records, one of which is damaged.
func (s *jsonSession) recorded(host *hostSession) {
	s.Helper()
	start := time.Now().Add(-2 * time.Hour)
	whole := aRun("app", start)
	whole.Host, whole.Repository, whole.Schedule, whole.Installation, whole.Priority = "web1", "/backup/app", "every 1h", "abababababababababababababababab", 5
	whole.ID, whole.Code, whole.Kind, whole.Message = "00c0ffee00c0ffee", 4, report.Behind, "a replica is late"
	whole.Steps = []report.RunStep{{Name: "before", Started: start, Seconds: 1.5, Code: 1, Message: "exit code 1", Output: "no\n"}}
	whole.Snapshot.Missing, whole.Snapshot.Verified, whole.Snapshot.Healed = []string{"/srv/x"}, 7, 8
	whole.Retained = &report.RunKept{Kept: 73, Wanted: 72, Slots: 72, Forgotten: 1}
	whole.Pruned = &report.RunPruned{Deleted: 1, Repacked: 2, Left: 3}
	whole.Verified = &report.RunProof{Depth: 2, Slice: "3/30", Bytes: 1 << 30}
	whole.Copies = []report.RunCopy{{Location: "sftp://b/r", Bytes: 9, Message: "no route to host"}}
	whole.Space = &report.RunSpace{Stored: 1 << 30, Free: 1 << 40}
	use := report.Use{Mean: 0.05, P95: 0.09, Max: 0.1, Budget: 0.1}
	whole.Cost = &report.RunCost{
		Mode: "always", CPU: use, IO: use, Memory: use, Hour: &report.RunHour{CPU: 0.01, IO: 0.02}, Seconds: 3.5,
		DiskBytes: 1 << 20, Disk: 200 << 20, Waited: 60, Shared: "host", Remarks: []string{"no cgroup"},
	}
	restored := report.Run{
		ID: "00c0ffee00c0fffe", Op: report.ARestore, Profile: "app", Host: "web1", Trigger: report.ByHand, Started: start.Add(time.Minute), Ended: start.Add(2 * time.Minute),
		Restored: &report.RunRestored{Snapshot: whole.Snapshot.ID, Files: 3, Bytes: 300, FirstFile: 1, Done: 60},
	}
	skipped := report.Run{ID: "00c0ffee00c0ffff", Profile: "app", Host: "web1", Trigger: report.ByHand, Started: start.Add(time.Hour), Ended: start.Add(time.Hour), Skipped: "slot 14:00 is done"}
	host.add(whole, restored, skipped)
	s.run("history")
	if err := os.WriteFile(s.dir+"/state/history/app/20261130T140003.250Z_-_x.run", []byte("x"), 0o600); err != nil {
		s.Fatal(err)
	}
	var out, err bytes.Buffer
	s.code([]string{"history", "--last", "0"}, "", &out, &err)
	s.file("history --last 0", out.String(), err.String())
}
