package main

import (
	"bytes"
	"maps"
	"os"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo/report"
)

// What qsnap prints about a host's runs has the same shape as their records.
func TestJSONOfAHostStaysAsItIs(t *testing.T) {
	s := newJSONSession(t)
	host := &hostSession{t, s.dir, s.env}
	maps.Copy(s.env, map[string]string{"STATE_DIRECTORY": s.dir + "/state", "QSNAP_CONFIG": s.dir + "/config.yaml"})
	s.recorded(host)
	s.same()
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
