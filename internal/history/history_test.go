package history

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/state"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// A clock shows a time that tests set.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func openAt(t *testing.T, dir string) (*History, *clock) {
	t.Helper()
	c := &clock{noon}
	d, err := state.Open(dir, rand.NewChaCha8([32]byte{}), c.now)
	if err != nil {
		t.Fatal(err)
	}
	return Open(d), c
}

// runAt returns a run that made a good version for the slot in which it started.
func runAt(profile string, started time.Time) report.Run {
	id := fmt.Sprintf("%x", started.UnixMilli())
	return report.Run{
		Head: report.Head{MessageType: "run"},
		ID:   id, Profile: profile, Host: "web1", Trigger: report.BySchedule,
		Slot: started.Truncate(time.Hour), Due: started.Truncate(time.Hour), Started: started, Ended: started.Add(time.Minute),
		Snapshot: &report.RunTaken{ID: snapshot.ID{1}, Good: true, Files: 3, Bytes: 300, New: 30, Stored: 10},
	}
}

func add(t *testing.T, h *History, runs ...report.Run) {
	t.Helper()
	for _, r := range runs {
		if err := h.Add(r); err != nil {
			t.Fatal(err)
		}
	}
}

func ids(runs []report.Run) (list []string) {
	for _, r := range runs {
		list = append(list, r.ID)
	}
	return list
}

func TestRunsAreListedAsTheyWereAdded(t *testing.T) {
	h, _ := openAt(t, t.TempDir())
	if runs, err := h.List(Filter{}); len(runs) != 0 || runs == nil || err != nil {
		t.Error(runs, err)
	}
	var app, web []report.Run
	for i := range 5 {
		app = append(app, runAt("app", noon.Add(time.Duration(i)*time.Hour)))
		web = append(web, runAt("Web/1", noon.Add(time.Duration(i)*time.Hour+time.Minute)))
	}
	for _, i := range []int{3, 0, 4, 2, 1} {
		add(t, h, web[i], app[i], app[i])
	}
	for _, c := range []struct {
		filter Filter
		want   []report.Run
	}{
		{Filter{}, []report.Run{app[0], web[0], app[1], web[1], app[2], web[2], app[3], web[3], app[4], web[4]}},
		{Filter{Last: 3}, []report.Run{web[3], app[4], web[4]}},
		{Filter{Profile: "app"}, app},
		{Filter{Profile: "Web/1", Last: 2}, web[3:]},
		{Filter{Profile: "app", Since: noon.Add(time.Hour), Until: noon.Add(3 * time.Hour)}, app[1:3]},
		{Filter{Profile: "none"}, []report.Run{}},
	} {
		got, err := h.List(c.filter)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v: %q, %v, want %q", c.filter, ids(got), err, ids(c.want))
		}
	}
}

func TestADamagedRecordIsNamedAndLeftOut(t *testing.T) {
	h, _ := openAt(t, t.TempDir())
	for i := range 6 {
		add(t, h, runAt("app", noon.Add(time.Duration(i)*time.Hour)))
	}
	names, err := h.names("app")
	if err != nil {
		t.Fatal(err)
	}
	path := func(i int) string { return h.dir.Path(folder, "app", names[i].file) }
	content, err := os.ReadFile(path(0))
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range map[int]string{
		0: "", 1: string(content[:len(content)-3]),
		2: strings.Replace(string(content), `"bytes":300`, `"bytes":301`, 1),
		3: string(content), // of another run
		4: strings.Replace(string(content), "qsnap-run 1", "qsnap-run 2", 1),
	} {
		if err := os.WriteFile(path(i), []byte(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	runs, err := h.List(Filter{Last: 1})
	if len(runs) != 1 || err != nil {
		t.Error("what isn't asked for is read:", ids(runs), err)
	}
	runs, err = h.List(Filter{})
	if len(runs) != 1 || !runs[0].Started.Equal(noon.Add(5*time.Hour)) || err == nil {
		t.Fatal(ids(runs), err)
	}
	list := err.(interface{ Unwrap() []error }).Unwrap()
	if len(list) != 5 {
		t.Errorf("%d are named: %v", len(list), err)
	}
	for i := range 5 {
		if !strings.Contains(err.Error(), path(i)) {
			t.Errorf("%s is not named: %v", path(i), err)
		}
	}
	if !strings.Contains(err.Error(), "none that this version reads") {
		t.Error(err)
	}
}

func TestOtherFilesAndDirectoriesAreNoRecords(t *testing.T) {
	h, _ := openAt(t, t.TempDir())
	add(t, h, runAt("app", noon))
	for _, name := range []string{"app/.new-1", "app/x.run", "app/note.txt", "file"} {
		if err := os.WriteFile(h.dir.Path(folder, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(h.dir.Path(folder, "app", "20261130T140003.250Z_-_x.run"), 0o700); err != nil {
		t.Fatal(err)
	}
	runs, err := h.List(Filter{})
	if len(runs) != 1 || strings.Count(fmt.Sprint(err), "can't be read") != 1 {
		t.Error(ids(runs), err)
	}
}

func TestASlotIsDoneOnceARunMadeAVersionForIt(t *testing.T) {
	h, c := openAt(t, t.TempDir())
	c.at = noon.Add(30 * time.Minute)
	slot := noon
	failed := runAt("app", noon.Add(time.Second))
	failed.Snapshot = nil
	dry := runAt("app", noon.Add(2*time.Second))
	dry.Snapshot = &report.RunTaken{Good: true}
	add(t, h, failed, dry, runAt("web", noon.Add(3*time.Second)), runAt("app", noon.Add(-time.Hour)))
	if run, ok := h.Slot("app", slot); ok {
		t.Errorf("run %s made no version", run.ID)
	}
	first, second := runAt("app", noon.Add(4*time.Second)), runAt("app", noon.Add(10*time.Minute))
	first.Snapshot.Good = false
	add(t, h, first)
	if run, ok := h.Slot("app", slot.In(time.FixedZone("", 3600))); !ok || run.ID != first.ID {
		t.Error(run.ID, ok)
	}
	add(t, h, second)
	if run, ok := h.Slot("app", slot); !ok || run.ID != second.ID {
		t.Error(run.ID, ok)
	}
}

func TestARunThatEndsLaterThanNowCountsForNoSlot(t *testing.T) {
	h, c := openAt(t, t.TempDir())
	tomorrow := runAt("app", noon.Add(24*time.Hour))
	add(t, h, tomorrow)
	if run, ok := h.Slot("app", tomorrow.Slot); ok { // the clock was set back by a day
		t.Errorf("run %s counts", run.ID)
	}
	c.at = noon.Add(25 * time.Hour)
	if _, ok := h.Slot("app", tomorrow.Slot); !ok {
		t.Error("it does not count a day later")
	}
}

func TestADamagedRecordMakesNoSlotDone(t *testing.T) {
	h, c := openAt(t, t.TempDir())
	c.at = noon.Add(time.Hour)
	add(t, h, runAt("app", noon))
	names, err := h.names("app")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(h.dir.Path(folder, "app", names[0].file), 100); err != nil {
		t.Fatal(err)
	}
	if run, ok := h.Slot("app", noon); ok {
		t.Error(run.ID)
	}
}

func TestAHistoryIsBounded(t *testing.T) {
	h, c := openAt(t, t.TempDir())
	h.maxRecords, h.minRecords = 10, 4
	for i := range 15 {
		add(t, h, runAt("app", noon.Add(time.Duration(i)*time.Hour)))
	}
	add(t, h, runAt("web", noon))
	runs, err := h.List(Filter{Profile: "app"})
	if len(runs) != 10 || err != nil || !runs[0].Started.Equal(noon.Add(5*time.Hour)) {
		t.Error(ids(runs), err)
	}
	// Three years later, all are old; the newest stay.
	c.at = noon.Add(3 * 366 * 24 * time.Hour)
	add(t, h, runAt("app", c.at))
	runs, err = h.List(Filter{Profile: "app"})
	if len(runs) != 4 || err != nil || !runs[3].Started.Equal(c.at) {
		t.Error(ids(runs), err)
	}
	if runs, err := h.List(Filter{Profile: "web"}); len(runs) != 1 || err != nil {
		t.Error(ids(runs), err)
	}
}

func TestARunWithoutIDOrTimeHasNoRecord(t *testing.T) {
	h, _ := openAt(t, t.TempDir())
	for _, run := range []report.Run{{ID: "a"}, {Started: noon}, {ID: "a", Started: noon.AddDate(9000, 0, 0)}, {ID: "a", Profile: "\xff", Started: noon}} {
		if err := h.Add(run); err == nil {
			t.Errorf("%+v has a record", run)
		}
	}
}

// TestMain makes the test a process that adds records until it is killed, if it is started
// as one.
func TestMain(m *testing.M) {
	dir := os.Getenv("QSNAP_TEST_ADD")
	if dir == "" {
		os.Exit(m.Run())
	}
	d, err := state.Open(dir, rand.NewChaCha8([32]byte{1}), func() time.Time { return noon })
	for i := 0; err == nil; i++ {
		err = Open(d).Add(runAt("app", noon.Add(time.Duration(os.Getpid()%1000)*time.Millisecond+time.Duration(i)*time.Second)))
		fmt.Println(i, err)
	}
}

func TestAProcessThatIsKilledLeavesWholeRecords(t *testing.T) {
	dir := t.TempDir()
	h, c := openAt(t, dir)
	var all sync.WaitGroup
	for i := range 12 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "QSNAP_TEST_ADD="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			for range i + 1 { // it is killed while it writes one of the next
				if _, err := out.Read(make([]byte, 64)); err != nil {
					t.Error(err)
				}
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
			_ = cmd.Wait() // it was killed
		})
	}
	all.Wait()
	runs, err := h.List(Filter{})
	if err != nil || len(runs) < 12 {
		t.Error(len(runs), err)
	}
	c.at = noon.AddDate(1, 0, 0)
	add(t, h, runAt("app", c.at))
	if left, err := filepath.Glob(filepath.Join(dir, folder, "app", ".new-*")); len(left) > 0 || err != nil {
		t.Error("unfinished files stay:", left, err)
	}
}

func TestRecordsThatDisappearMeanwhileAreNoError(t *testing.T) {
	h, _ := openAt(t, t.TempDir())
	add(t, h, runAt("app", noon))
	n := name{profile: "app", file: "20261130T140003.250Z_-_x.run"}
	if _, err := h.read(n); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
