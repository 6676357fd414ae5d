package mount

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

// noon is when the snapshots of these tests end.
var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.Local)

// taken returns a manifest with a number in its id, which ended that time after noon.
func taken(number byte, after time.Duration, host string, tags ...string) *snapshot.Manifest {
	return &snapshot.Manifest{ID: snapshot.ID{number}, Start: noon.Add(after - time.Minute), End: noon.Add(after), Hostname: host, Tags: tags}
}

// lines returns all names in a folder, and where links lead.
func (f *folder) lines() []string {
	var out []string
	for _, name := range f.names() {
		switch i := f.items[name]; {
		case i.folder != nil:
			out = append(out, name+"/")
			for _, line := range i.folder.lines() {
				out = append(out, name+"/"+line)
			}
		case i.manifest != nil:
			out = append(out, fmt.Sprintf("%s = %x", name, i.manifest.ID[0]))
		default:
			out = append(out, name+" -> "+i.link)
		}
	}
	return out
}

func TestSnapshotsAreShownByTimeIDHostAndTag(t *testing.T) {
	got := layOut([]*snapshot.Manifest{
		taken(0xa1, 0, "web1", "hourly"),
		taken(0xb2, 9*time.Second, "web2", "hourly", "by/day"),
		taken(0xc3, 9*time.Second+time.Millisecond, "web2"),
	}).lines()
	want := []string{
		"hosts/",
		"hosts/web1/",
		"hosts/web1/2026-11-20T12:00:00 = a1",
		"hosts/web1/latest -> 2026-11-20T12:00:00",
		"hosts/web2/",
		"hosts/web2/2026-11-20T12:00:09 = b2",
		"hosts/web2/2026-11-20T12:00:09-c3000000 = c3",
		"hosts/web2/latest -> 2026-11-20T12:00:09-c3000000",
		"ids/",
		"ids/a1000000 = a1",
		"ids/b2000000 = b2",
		"ids/c3000000 = c3",
		"snapshots/",
		"snapshots/2026-11-20T12:00:00 = a1",
		"snapshots/2026-11-20T12:00:09 = b2",
		"snapshots/2026-11-20T12:00:09-c3000000 = c3",
		"snapshots/latest -> 2026-11-20T12:00:09-c3000000",
		"tags/",
		"tags/by%2Fday/",
		"tags/by%2Fday/2026-11-20T12:00:09 = b2",
		"tags/hourly/",
		"tags/hourly/2026-11-20T12:00:00 = a1",
		"tags/hourly/2026-11-20T12:00:09 = b2",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestNoSnapshotIsHiddenByAnother(t *testing.T) {
	a, b, c := taken(1, 0, "h"), taken(1, 0, "h"), taken(1, 0, "h")
	b.ID[31], c.ID[30] = 1, 1 // the same short id
	top := layOut([]*snapshot.Manifest{a, b, c})
	for _, name := range []string{byTime, byID} {
		f := top.items[name].folder
		seen := map[*snapshot.Manifest]bool{}
		for _, i := range f.items {
			seen[i.manifest] = true
		}
		if !seen[a] || !seen[b] || !seen[c] {
			t.Errorf("%s: %q", name, f.lines())
		}
	}
	if got := layOut(nil).lines(); !slices.Equal(got, []string{"hosts/", "ids/", "snapshots/", "tags/"}) {
		t.Errorf("of none: %q", got)
	}
}

func TestHostsAndTagsBecomeNamesOfFiles(t *testing.T) {
	seen := map[string]string{}
	for s, want := range map[string]string{
		"web1": "web1", "ä ö": "ä ö", "\xff": "\xff", "": "%", ".": "%2E", "..": "%2E%2E", "a/b": "a%2Fb",
		"a%2Fb": "a%252Fb", "../../etc": "..%2F..%2Fetc", "a\x00": "a%00", "...": "...", "%": "%25",
	} {
		got := fileName(s)
		if got != want || seen[got] != "" {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
		seen[got] = s
	}
	long := strings.Repeat("x", 300)
	if a, b := fileName(long), fileName(long+"y"); len(a) != maxName || len(b) != maxName || a == b {
		t.Errorf("long names: %q, %q", a, b)
	}
	same := taken(1, 0, "h", long, long)
	if f := layOut([]*snapshot.Manifest{same}).items[byTag].folder.items[fileName(long)].folder; len(f.items) != 1 {
		t.Errorf("twice the same tag: %q", f.lines())
	}
}

func TestTheListIsLoadedAgainWhenItIsOld(t *testing.T) {
	now := noon
	var list []*snapshot.Manifest
	var err error
	loads := 0
	var reports []error
	l, failed := newListing(t.Context(), &listing{
		load:   func(context.Context) ([]*snapshot.Manifest, error) { loads++; return list, err },
		now:    func() time.Time { return now },
		report: func(err error) { reports = append(reports, err) },
	})
	if failed != nil {
		t.Fatal(failed)
	}
	count := func() int { return len(l.current(t.Context()).items[byID].folder.items) }
	list = []*snapshot.Manifest{taken(1, 0, "h")}
	if n := count(); n != 0 || loads != 1 {
		t.Errorf("at once: %d snapshots, loaded %d times", n, loads)
	}
	now = now.Add(refreshInterval)
	if n := count() + count(); n != 2 || loads != 2 {
		t.Errorf("later: %d snapshots in two looks, loaded %d times", n, loads)
	}
	now, list, err = now.Add(refreshInterval), nil, errors.New("gone")
	if n := count(); n != 1 || len(reports) != 1 {
		t.Errorf("when it can't be loaded: %d snapshots, reports %v", n, reports)
	}
	now, list = now.Add(-time.Hour), []*snapshot.Manifest{taken(1, 0, "h"), taken(2, 0, "h")}
	if n := count(); n != 2 || len(reports) != 2 {
		t.Errorf("when the clock is set back and one can't be read: %d snapshots, reports %v", n, reports)
	}
}

func TestTheSameReportIsNotRepeatedAtOnce(t *testing.T) {
	now := noon
	var told []string
	r := &reporter{tell: func(err error) { told = append(told, err.Error()) }, now: func() time.Time { return now }}
	for _, text := range []string{"a", "a", "b", "a"} {
		r.report(errors.New(text))
	}
	now = now.Add(repeatAfter)
	fmt.Fprintf(r, "a\n")
	if !slices.Equal(told, []string{"a", "b", "a"}) {
		t.Errorf("%q", told)
	}
	for i := range 3 * maxTold {
		r.report(fmt.Errorf("%d", i))
	}
	if len(r.told) > maxTold {
		t.Errorf("%d are remembered", len(r.told))
	}
	(&reporter{}).report(errors.New("to nobody"))
}

func TestKeysTellApartAndTogether(t *testing.T) {
	root := key{}.of(keyOfVersion, []byte("v"))
	dirA, dirB := root.of(keyOfName, []byte("a")), root.of(keyOfName, []byte("b"))
	plain := &snapshot.Entry{Name: "f", Inode: 7}
	if dirA.entry(root, plain) == dirB.entry(root, plain) {
		t.Error("two files are one")
	}
	one := &snapshot.Entry{Name: "one", Inode: 7, Links: 2, Device: 1, Size: 5}
	two, other, edited := *one, *one, *one
	two.Name, other.Device, edited.Size = "two", 2, 6
	if dirA.entry(root, one) != dirB.entry(root, &two) {
		t.Error("names of one file are two")
	}
	for _, e := range []*snapshot.Entry{&other, &edited} {
		if dirA.entry(root, one) == dirA.entry(root, e) {
			t.Errorf("%+v is taken for another", e)
		}
	}
	if n, _ := (key{1}).inode(); n != 2 {
		t.Errorf("inode %d is not for files", n)
	}
	if n, _ := (key{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}).inode(); n != 1<<63-1 {
		t.Errorf("inode %d", n)
	}
}

func TestABusyErrorIsOneLineOfBoundedLength(t *testing.T) {
	e := &BusyError{Dir: "/mnt"}
	if got := e.Error(); got != "/mnt is busy: used by a process that this user can't see" {
		t.Error(got)
	}
	for i := range 11 {
		e.Holders = append(e.Holders, Holder{i, "p", "x"})
	}
	want := "/mnt is busy: x; p (pid 1): x; p (pid 2): x; p (pid 3): x; p (pid 4): x; p (pid 5): x; p (pid 6): x; p (pid 7): x; and 3 more"
	if got := e.Error(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
