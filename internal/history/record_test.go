package history

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

var makeGolden = flag.Bool("make-golden", false, "write the golden record: only when there is none")

// whole has every member that a record of the first version of the format may have.
func whole() report.Run {
	at := time.Date(2026, 11, 30, 14, 0, 3, 250e6, time.UTC)
	return report.Run{
		Head: report.Head{MessageType: "run"},
		ID:   "00c0ffee00c0ffee", Profile: "app", Host: "web1", Installation: strings.Repeat("ab", 16),
		Trigger: report.BySchedule, Priority: 5, Level: "full",
		Slot: at.Truncate(time.Hour), Due: at.Add(-250 * time.Millisecond), Started: at, Ended: at.Add(90 * time.Second),
		Code: 4, Kind: report.Behind, Message: "a replica is late", Skipped: "",
		Steps:    []report.RunStep{{Name: "before", Started: at, Seconds: 1.5, Code: 1, Message: "exit code 1", Output: "no\n"}},
		Snapshot: &report.RunTaken{ID: snapshot.ID{0xab}, Missing: []string{"/srv/x"}, Unread: 1, Files: 2, Bytes: 3, Read: 4, New: 5, Stored: 6, Verified: 7, Healed: 8},
		Retained: &report.RunKept{Kept: 73, Wanted: 72, Slots: 72, Forgotten: 1},
		Pruned:   &report.RunPruned{Deleted: 1, Repacked: 2, Left: 3},
		Verified: &report.RunProof{Depth: 2, Slice: "3/30", Bytes: 1 << 30, Findings: 1},
		Copies:   []report.RunCopy{{Location: "sftp://b/r", Bytes: 9, Message: "no route to host"}},
		Cost: &report.RunCost{
			Mode: "always", CPU: report.Use{Mean: 0.05, P95: 0.09, Max: 0.1, Budget: 0.1}, IO: report.Use{Mean: 0.1, Budget: 0.3}, Memory: report.Use{Max: 1 << 28},
			Hour: &report.RunHour{CPU: 0.01, IO: 0.02}, Seconds: 3.5, DiskBytes: 1 << 20, Disk: 200 << 20, Waited: 60, Shared: "host", Remarks: []string{"no cgroup"},
		},
	}
}

func TestRecordsOfTheFirstVersionAreRead(t *testing.T) {
	const golden = "testdata/20261130T140003.250Z_20261130T140000Z_00c0ffee00c0ffee.run"
	if *makeGolden {
		b, err := encode(whole())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	run, err := decode(b)
	if err != nil || !reflect.DeepEqual(run, whole()) {
		t.Errorf("%+v, %v", run, err)
	}
	if file, err := nameOf(run); "testdata/"+file != golden {
		t.Error(file, err)
	}
	again, err := encode(run)
	if err != nil || !bytes.Equal(again, b) {
		t.Errorf("it is written as\n%s, %v", again, err)
	}
}

func TestALongRecordIsCutToFit(t *testing.T) {
	run := whole()
	long := strings.Repeat("é", 10_000) + "the end\n"
	run.Message, run.Copies[0].Message = long, long
	run.Steps, run.Copies, run.Cost.Remarks, run.Snapshot.Missing = nil, nil, nil, nil
	for i := range 200 {
		run.Steps = append(run.Steps, report.RunStep{Name: fmt.Sprint(i), Output: long, Message: long})
		run.Copies = append(run.Copies, report.RunCopy{Location: long, Message: long})
		run.Snapshot.Missing = append(run.Snapshot.Missing, long)
		run.Cost.Remarks = append(run.Cost.Remarks, long)
	}
	b, err := encode(run)
	if err != nil || len(b) > maxRecord {
		t.Fatal(len(b), err)
	}
	got, err := decode(b)
	if err != nil || got.ID != run.ID || len(got.Steps) == 0 || len(got.Snapshot.Missing) == 0 || got.Retained.Slots != 72 {
		t.Errorf("%+v, %v", got, err)
	}
	if len(run.Steps) != 200 || run.Steps[0].Output != long || run.Snapshot.Missing[0] != long {
		t.Error("the caller's run was changed")
	}

	run = whole() // one hook that prints much: the end of it stays
	run.Steps[0].Output = long
	if b, err = encode(run); err != nil {
		t.Fatal(err)
	}
	got, err = decode(b)
	if err != nil || !strings.HasSuffix(got.Steps[0].Output, "the end\n") || len(got.Steps[0].Output) < 4000 || got.Message != run.Message {
		t.Errorf("%d bytes, %v", len(got.Steps[0].Output), err)
	}
}

func FuzzRecord(f *testing.F) {
	b, err := encode(whole())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(head + "00000000\n\n"))
	f.Add([]byte("qsnap-run 2 00000000\n{}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		run, err := decode(b)
		if err != nil {
			return
		}
		if file, err := nameOf(run); err == nil {
			if n, ok := parseName(file); !ok || !n.fits(run) {
				t.Errorf("%q is not read as it is written", file)
			}
		}
		if again, err := encode(run); err == nil && len(again) > maxRecord {
			t.Errorf("%d bytes", len(again))
		}
	})
}
