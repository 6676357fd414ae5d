package main

import (
	"errors"
	"time"

	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

// exactRun is the record of a run that has everything.
var exactRun = report.Run{
	Head: report.Head{MessageType: "run"}, ID: "00ff", Profile: "app", Host: "web1", Installation: "06", Trigger: report.BySchedule,
	Priority: 5, Level: "incremental", Slot: exactTime, Due: exactTime, Started: exactTime, Ended: exactTime.Add(time.Minute),
	Code: 4, Kind: report.Behind, Message: "late", Skipped: "why",
	Steps: []report.RunStep{{Name: "before", Started: exactTime, Seconds: 1.5, Code: 1, Message: "exit code 1", Output: "no room\n"}},
	Snapshot: &report.RunTaken{
		ID: snapshot.ID{1}, Good: true, Missing: []string{"/srv/db"}, Unread: 1, Files: 2, Bytes: 3, Read: 4, New: 5, Stored: 6, Verified: 7, Healed: 8,
	},
	Retained: &report.RunKept{Kept: 1, Wanted: 2, Slots: 3, Forgotten: 4},
	Pruned:   &report.RunPruned{Deleted: 1, Repacked: 2, Left: 3},
	Verified: &report.RunProof{Depth: 1, Slice: "3/30", Bytes: 2, Findings: 3},
	Copies:   []report.RunCopy{{Location: "/mnt/usb", Bytes: 1, Message: "late"}},
	Cost: &report.RunCost{
		Mode: "always", CPU: report.Use{Mean: 0.1, P95: 0.2, Max: 0.3, Budget: 0.4}, IO: report.Use{Mean: 0.5}, Memory: report.Use{Mean: 6},
		Hour: &report.RunHour{CPU: 0.1, IO: 0.2}, Seconds: 1.5, DiskBytes: 2, Disk: 3, Waited: 4.5, Shared: "host", Remarks: []string{"odd"},
	},
}

// exactEstimate is an estimate that has everything.
var exactEstimate = report.Estimate{
	Head: report.Head{MessageType: "estimate"}, Profile: "app", Host: "web1", Time: exactTime, Level: "full", Versions: 1, Files: 2, Bytes: 3,
	Next: report.Need{Runs: 1, Read: 4, New: 5, Stored: 6, Verified: 7, Seconds: 8.5}, Most: &report.Need{Runs: 1, Read: 9}, Days: 30,
	Month: &report.Need{Runs: 720, Read: 10}, Grows: new(uint64(11)), Compressed: 0.5, Saved: 0.9,
}

// runs files what a run prints.
func (s *jsonSession) runs() {
	s.exact("run", func(p *program) {
		s.must(p.emit(report.RunProgress{
			Head: report.Head{MessageType: "run_progress"}, ID: "00ff", Profile: "app", Trigger: report.ByHand, Level: "full", Slot: exactTime, PID: 7,
			Started: exactTime, Updated: exactTime, Step: "snapshot", Phase: "capture", Done: 1, Total: 2, Unit: "bytes", Current: "sub", CPU: 0.1, IO: 0.2,
		}))
		s.must(p.emit(report.NewError(errors.New("unread"), "run", "app")))
		s.must(p.emit(exactRun))
	})
	s.exact("estimate", func(p *program) {
		s.must(p.emit(report.NewError(errors.New("unread"), "estimate", "app")))
		s.must(p.emit(exactEstimate))
	})
}

// lives files what the check of a profile prints.
func (s *jsonSession) lives() {
	s.exact("config", func(p *program) {
		s.must(p.emit(report.NewLiveCheck("app", "sources", report.LiveOK, "1 source can be read")))
	})
}
