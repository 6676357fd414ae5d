package snapshot

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/chunk"
)

func testManifest() *Manifest {
	zone := time.FixedZone("", 2*3600)
	m := &Manifest{
		Start: time.Date(2026, 3, 29, 2, 30, 0, 123456789, zone), End: time.Date(2026, 3, 29, 2, 30, 7, 0, zone),
		Hostname: "web1", Username: "deploy", Paths: []string{"/srv/app", "/etc/\xff"}, Layout: Paths,
		Tags: []string{"hourly", "prod"}, Program: "qsnap 0.1.0",
		Root:   Entry{Type: Dir, Mode: 0o755, UID: 1, User: "daemon", MTime: Time{1, 2}, CTime: Time{3, 4}, Subtree: chunk.ID{9}},
		Parent: ID{1}, Previous: ID{2}, Number: 42,
		Stats: Stats{Files: 1, Dirs: 2, Others: 3, Bytes: 4, IndexStored: 18}, Excludes: []string{"*.o"},
	}
	m.Skipped.Add("a.o", "--exclude *.o")
	m.Problems.Add("secret\xfe", "permission denied")
	return m
}

func TestManifestsReadAsWritten(t *testing.T) {
	copied := testManifest()
	copied.Original = ID{3}
	for _, m := range []*Manifest{testManifest(), copied, coveredManifest(), jobManifest(), {Start: time.Unix(0, 0).UTC(), End: time.Unix(0, 0).UTC(), Root: Entry{Type: Dir}, Rules: &Rules{}}, {Start: time.Unix(0, 0).UTC(), End: time.Unix(0, 0).UTC(), Root: Entry{Type: Dir}}} {
		b, err := m.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseManifest(b)
		if err != nil {
			t.Fatal(err)
		}
		if !got.Start.Equal(m.Start) || !got.End.Equal(m.End) || got.Start.Format(time.RFC3339Nano) != m.Start.Format(time.RFC3339Nano) {
			t.Errorf("times %v to %v, want %v to %v", got.Start, got.End, m.Start, m.End)
		}
		got.Start, got.End = m.Start, m.End
		if !reflect.DeepEqual(got, m) {
			t.Errorf("read\n%+v, want\n%+v", got, m)
		}
	}
}

// testdata/manifest.cbor was written once and is never made again.
func TestGoldenManifestReads(t *testing.T) {
	b, err := os.ReadFile("testdata/manifest.cbor")
	if err != nil {
		t.Fatal(err)
	}
	m, err := ParseManifest(b)
	if err != nil {
		t.Fatal(err)
	}
	want := testManifest()
	want.Start, want.End = m.Start, m.End
	if !reflect.DeepEqual(m, want) || m.Start.Format(time.RFC3339Nano) != "2026-03-29T02:30:00.123456789+02:00" {
		t.Errorf("read\n%+v", m)
	}
	if again, err := m.Marshal(); err != nil || !bytes.Equal(again, b) {
		t.Errorf("it is written otherwise today: %v", err)
	}
}

// testdata/tree.page was written once and is never made again: a directory with
// one entry of every sort.
func TestGoldenPageReads(t *testing.T) {
	b, err := os.ReadFile("testdata/tree.page")
	if err != nil {
		t.Fatal(err)
	}
	p, err := parsePage(b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(p.entries, goldenEntries()) {
		t.Errorf("read\n%+v", p.entries)
	}
	if !bytes.Equal(p.append(nil), b) {
		t.Error("it is written otherwise today")
	}
}

func goldenEntries() []Entry {
	common := Entry{Mode: 0o644, UID: 1000, GID: 100, User: "ann", Group: "users", MTime: Time{1700000000, 5}, CTime: Time{1700000001, 6}, Inode: 77}
	entry := func(name string, typ Type, change func(*Entry)) Entry {
		e := common
		e.Name, e.Type = name, typ
		change(&e)
		return e
	}
	return []Entry{
		entry("block", BlockDevice, func(e *Entry) { e.Major, e.Minor = 8, 1 }),
		entry("char", CharDevice, func(e *Entry) { e.Major, e.Minor, e.UID, e.User = 1, 3, 0, "" }),
		entry("dir", Dir, func(e *Entry) { e.Mode, e.Subtree = 0o1777, chunk.ID{1, 2, 3} }),
		entry("empty", File, func(e *Entry) {}),
		entry("fifo", FIFO, func(e *Entry) {}),
		entry("huge", File, func(e *Entry) { e.Size, e.List = 1<<40, chunk.ID{4} }),
		entry("linked", File, func(e *Entry) {
			e.Size, e.Content, e.Links, e.Device = 10, []Chunk{{chunk.ID{5}, 4}, {chunk.ID{6}, 6}}, 2, 2049
		}),
		entry("raw\xff", Symlink, func(e *Entry) { e.Mode, e.Target = 0o777, "a/b\xfe" }),
		entry("secret", File, func(e *Entry) { e.Size, e.Problem = 99, "permission denied" }),
		entry("socket", Socket, func(e *Entry) { e.MTime = Time{-5, 0} }),
		entry("sparse", File, func(e *Entry) {
			e.Size, e.Content, e.Holes = 12288, []Chunk{{chunk.ID{7}, 4096}}, []Hole{{0, 4096}, {8192, 4096}}
		}),
		entry("xattr", File, func(e *Entry) { e.Xattrs = []Xattr{{"user.comment", []byte("hi")}} }),
	}
}

func TestParseManifestRefusesWhatCannotBe(t *testing.T) {
	for name, change := range map[string]func(*wireManifest){
		"no root":             func(w *wireManifest) { w.Root = nil },
		"a root that is none": func(w *wireManifest) { w.Root = (&page{entries: []Entry{{Name: "root"}}}).append(nil) },
		"two roots": func(w *wireManifest) {
			w.Root = (&page{entries: []Entry{{Name: "a", Type: Dir}, {Name: "b", Type: Dir}}}).append(nil)
		},
		"half an id":        func(w *wireManifest) { w.Parent = w.Parent[:16] },
		"half an original":  func(w *wireManifest) { w.Original = w.Parent[:16] },
		"the year 30000":    func(w *wireManifest) { w.Start.Sec = 1 << 40 },
		"a zone of a week":  func(w *wireManifest) { w.Start.Offset = 7 * 86400 },
		"more than a total": func(w *wireManifest) { w.Skipped.Total = 0 },
		"an unknown layout": func(w *wireManifest) { w.Layout = 3 },

		"a kind that is written though it is the usual":  func(w *wireManifest) { w.Kind = "source" },
		"half the id of notes":                           func(w *wireManifest) { w.Notes = w.Parent[:16] },
		"files below no size":                            func(w *wireManifest) { w.Rules = &wireRules{MaxFileSize: -1} },
		"two counts of what is unread":                   func(w *wireManifest) { w.Unread = []uint64{1, 2} },
		"nothing unread, though it is written":           func(w *wireManifest) { w.Unread = []uint64{0, 0, 0} },
		"a level that is written though it is the usual": func(w *wireManifest) { w.Level = "incremental" },
		"a slot in the year 30000":                       func(w *wireManifest) { w.Slot = &wireTime{Sec: 1 << 40} },
		"half an installation":                           func(w *wireManifest) { w.Installation = w.Parent[:8] },
		"no installation, though it is written":          func(w *wireManifest) { w.Installation = make([]byte, 16) },
		"more directories lost than are unread":          func(w *wireManifest) { w.Unread = []uint64{0, 1, 2} },
	} {
		b, err := testManifest().Marshal()
		if err != nil {
			t.Fatal(err)
		}
		var w wireManifest
		if err := decoding.Unmarshal(b, &w); err != nil {
			t.Fatal(err)
		}
		change(&w)
		bad, err := encoding.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := ParseManifest(bad); err == nil {
			t.Errorf("%s: read as %+v", name, m)
		}
	}
}

func TestRemarksKeepTheFirstAndCountAll(t *testing.T) {
	var r Remarks
	for range maxRemarks {
		r.Add(strings.Repeat("x", 3), "y")
	}
	if !r.Complete() {
		t.Error("not complete before the bound")
	}
	r.Add("one more", "y")
	if r.Complete() || r.Total != maxRemarks+1 || len(r.List) != maxRemarks {
		t.Errorf("total %d, listed %d", r.Total, len(r.List))
	}
}

func FuzzParseManifest(f *testing.F) {
	b, err := testManifest().Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseManifest(b)
		if err != nil {
			return
		}
		if _, err := m.Marshal(); err != nil {
			t.Errorf("read, but can't be written: %v", err)
		}
		if _, err := m.Start.MarshalText(); err != nil {
			t.Errorf("read, but its time can't be written: %v", err)
		}
	})
}

func TestASnapshotIsPrintedAsItsIDSourceAndTime(t *testing.T) {
	m := &Manifest{ID: ID{0x39, 0x02, 0xe8, 0xf0, 1}, Hostname: "web1", Paths: []string{"/srv/app"}, End: time.Date(2026, 11, 20, 17, 1, 45, 9, time.UTC)}
	if got, want := fmt.Sprint(m), "3902e8f0 web1:/srv/app 2026-11-20 17:01:45"; got != want {
		t.Errorf("printed as %q, not %q", got, want)
	}
}
