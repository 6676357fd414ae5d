package snapshot

import (
	"bytes"
	"os"
	"reflect"
	"testing"
	"time"
)

func jobManifest() *Manifest {
	m := coveredManifest()
	m.Level = LevelDifferential
	m.Job = Job{
		Profile: "app", Slot: time.Date(2026, 10, 25, 2, 0, 0, 0, time.FixedZone("", 3600)), Installation: Installation{1, 15: 2},
		Settings: []byte("profiles:\n  app:\n    repo: /backup/app\n"),
	}
	return m
}

// testdata/job.cbor was written once and is never made again: a manifest of a job's run.
func TestGoldenManifestOfAJobReads(t *testing.T) {
	b, err := os.ReadFile("testdata/job.cbor")
	if err != nil {
		t.Fatal(err)
	}
	m, err := ParseManifest(b)
	if err != nil {
		t.Fatal(err)
	}
	want := jobManifest()
	if !m.Job.Slot.Equal(want.Job.Slot) || m.Job.Slot.Format(time.RFC3339) != "2026-10-25T02:00:00+01:00" {
		t.Errorf("the slot is %v", m.Job.Slot)
	}
	want.Start, want.End, want.Job.Slot = m.Start, m.End, m.Job.Slot
	if !reflect.DeepEqual(m, want) {
		t.Errorf("read\n%+v, want\n%+v", m, want)
	}
	if again, err := m.Marshal(); err != nil || !bytes.Equal(again, b) {
		t.Errorf("it is written otherwise today: %v", err)
	}
}

func TestNamesOfLevelsAndInstallationsReadAsWritten(t *testing.T) {
	for _, l := range []Level{LevelIncremental, LevelDifferential, LevelFull} {
		if got, err := ParseLevel(l.String()); err != nil || got != l {
			t.Errorf("%v reads as %v, %v", l, got, err)
		}
	}
	for _, bad := range []string{"", "FULL", "half"} {
		if l, err := ParseLevel(bad); err == nil {
			t.Errorf("%q reads as level %v", bad, l)
		}
	}
	i := jobManifest().Job.Installation
	if got, err := ParseInstallation(i.String()); err != nil || got != i {
		t.Errorf("%v reads as %v, %v", i, got, err)
	}
	for _, bad := range []string{"", "12", i.String() + "00", "zz" + i.String()[2:]} {
		if got, err := ParseInstallation(bad); err == nil {
			t.Errorf("%q reads as installation %v", bad, got)
		}
	}
}
