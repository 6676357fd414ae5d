package repo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// A damage is something that happens to a stored object.
type damage struct {
	name  string
	apply func(m *targettest.Memory, object string)
}

func damages(objects map[string][]byte) []damage {
	flip := func(at func(n int) int) func(*targettest.Memory, string) {
		return func(m *targettest.Memory, object string) {
			b := bytes.Clone(objects[object])
			b[at(len(b))] ^= 0x20
			m.Set(object, b)
		}
	}
	return []damage{
		{"first byte flipped", flip(func(int) int { return 0 })},
		{"salt flipped", flip(func(n int) int { return min(20, n-1) })},
		{"quarter flipped", flip(func(n int) int { return n / 4 })},
		{"middle flipped", flip(func(n int) int { return n / 2 })},
		{"last byte flipped", flip(func(n int) int { return n - 1 })},
		{"truncated to half", func(m *targettest.Memory, o string) { m.Set(o, objects[o][:len(objects[o])/2]) }},
		{"truncated by one", func(m *targettest.Memory, o string) { m.Set(o, objects[o][:len(objects[o])-1]) }},
		{"emptied", func(m *targettest.Memory, o string) { m.Set(o, []byte{}) }},
		{"extended", func(m *targettest.Memory, o string) { m.Set(o, append(bytes.Clone(objects[o]), 7)) }},
		{"removed", func(m *targettest.Memory, o string) { m.Set(o, nil) }},
		{"swapped", func(m *targettest.Memory, o string) { m.Set(o, objects[neighbour(objects, o)]) }},
		{"duplicated", func(m *targettest.Memory, o string) { m.Set(otherName(o), objects[o]) }},
	}
}

// neighbour returns the next object of the same sort.
func neighbour(objects map[string][]byte, object string) string {
	sort, _, _ := strings.Cut(object, "/")
	var alike []string
	for name := range objects {
		if strings.HasPrefix(name, sort) {
			alike = append(alike, name)
		}
	}
	slices.Sort(alike)
	return alike[(slices.Index(alike, object)+1)%len(alike)]
}

// otherName returns the name of an object that isn't there.
func otherName(object string) string {
	last := "0"
	if strings.HasSuffix(object, "0") {
		last = "1"
	}
	return object[:len(object)-1] + last
}

// damageFixture is a repository of several packs, deltas and snapshots.
func damageFixture(t *testing.T) (f *fixture, versions []fstest.MapFS, snapshots []*snapshot.Manifest) {
	mem := &targettest.Memory{}
	f = &fixture{t: t, target: mem, key: testKey(t), cache: t.TempDir()}
	r, err := repo.Init(t.Context(), mem, f.key, repo.InitOptions{
		Options:  repo.Options{CacheDir: f.cache},
		PackSize: 1 << 20,
		Chunks:   chunk.Params{Polynomial: 0x3DA3358B4DC173, Min: 16 << 10, Max: 128 << 10, Bits: 15, Whole: 64 << 10},
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Repo = r
	if _, err := r.Keys().Add(t.Context(), testKey(t), "second"); err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for v := range 3 {
		for i := range 14 {
			files[fmt.Sprintf("dir%d/v%d-f%d", i%3, v, i)] = &fstest.MapFile{Data: randomBytes(uint64(v*100+i), 20_000+i*9_000), Mode: 0o644}
		}
		delete(files, "dir0/v0-f0")
		versions = append(versions, maps.Clone(files))
		snapshots = append(snapshots, f.snapshot(repo.FromFS(maps.Clone(files), "/x"), repo.SnapshotOptions{Workers: 1}))
	}
	other := f.snapshot(repo.FromFS(versions[0], "/y"), repo.SnapshotOptions{Workers: 1})
	if err := f.Forget(t.Context(), []snapshot.ID{other.ID}); err != nil {
		t.Fatal(err)
	}
	if err := f.Catalog().Pin(t.Context(), snapshots[0].ID, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := f.Catalog().Tag(t.Context(), snapshots[1].ID, []string{"marked"}); err != nil {
		t.Fatal(err)
	}
	return f, versions, snapshots
}

// Whatever happens to whichever object: check finds it and names it, what it says
// can be restored can be, what it says can't be isn't, and nothing is ever wrong.
func TestAnyDamageIsFoundAndNothingWrongIsRestored(t *testing.T) {
	f, versions, snapshots := damageFixture(t)
	objects := f.target.(*targettest.Memory).Objects()
	if len(objects) < 15 {
		t.Fatalf("only %d objects", len(objects))
	}
	walk := newWalk(t)
	for _, object := range slices.Sorted(maps.Keys(objects)) {
		for _, d := range damages(objects) {
			if !walk.takes() {
				continue
			}
			if !strings.Contains(object, "/") && d.name == "duplicated" {
				continue // under no name that anyone reads
			}
			t.Run(d.name+" "+shortName(object), func(t *testing.T) {
				mem := f.target.(*targettest.Memory).Clone()
				d.apply(mem, object)
				if d.name == "swapped" && bytes.Equal(mem.Objects()[object], objects[object]) {
					return // there is no other of its sort
				}
				cache := t.TempDir()
				if len(object)%2 == 0 { // the old cache, half the time
					cache = f.cache
				}
				testDamage(t, mem, f.key, cache, object, d.name, versions, snapshots)
			})
		}
	}
}

func shortName(object string) string {
	dir, id, _ := strings.Cut(object, "/")
	return dir + " " + id[:min(len(id), 11)]
}

func testDamage(t *testing.T, mem target.Target, key repo.Secret, cache, object, what string, versions []fstest.MapFS, snapshots []*snapshot.Manifest) {
	r, err := repo.Open(t.Context(), mem, key, repo.Options{CacheDir: cache, CacheSize: new(int64(0))})
	if err != nil {
		if strings.HasPrefix(object, "keys/") {
			return // the slot of this very key
		}
		t.Fatal(err)
	}
	defer r.Close()
	report, err := r.Check(t.Context(), repo.CheckOptions{ReadData: true})
	if err != nil && !errors.Is(err, repo.ErrDamaged) {
		t.Fatal(err)
	}
	named := object
	if what == "duplicated" {
		named = otherName(object)
	}
	found := slices.ContainsFunc(report.Findings, func(f repo.Finding) bool { return f.Object == named })
	if shows := showsByName(object, what, snapshots); found != shows {
		t.Fatalf("check names %s: %v, want %v: %+v", named, found, shows, report.Findings)
	}
	for i, m := range snapshots {
		gone := strings.HasSuffix(object, m.ID.String()) && what != "duplicated"
		found, err := r.Get(t.Context(), m.ID)
		if gone {
			if err == nil {
				t.Errorf("a damaged manifest was read")
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		compareRestore(t, r, found, versions[i], report)
	}
}

// showsByName reports whether a damage can be told from the object's own name. Not
// so: that something is removed which nothing else refers to.
func showsByName(object, what string, snapshots []*snapshot.Manifest) bool {
	newest := strings.HasSuffix(object, snapshots[len(snapshots)-1].ID.String())
	switch {
	case what == "removed":
		return !newest && !strings.HasPrefix(object, "keys/") && !strings.HasPrefix(object, "index/") &&
			!strings.HasPrefix(object, "marks/") && !strings.HasPrefix(object, "forgotten/")
	case what == "swapped":
		return !strings.HasPrefix(object, "config") // its copy has the same bytes
	}
	return true
}

// compareRestore restores a snapshot and compares what came of it with what check
// said would.
func compareRestore(t *testing.T, r *repo.Repo, m *snapshot.Manifest, want fstest.MapFS, report repo.CheckReport) {
	t.Helper()
	lost := map[string]bool{}
	for _, finding := range report.Findings {
		for _, a := range finding.Files {
			if a.Snapshot == m.ID {
				lost[a.Path] = true
			}
		}
	}
	isLost := func(p string) bool {
		for ; p != "."; p = filepath.Dir(p) {
			if lost[p] {
				return true
			}
		}
		return lost[""]
	}
	out := t.TempDir()
	problems := map[string]bool{}
	_, err := r.Restore(context.Background(), m, repo.RestoreOptions{To: out, NoSync: true, Workers: 1, Progress: func(p repo.RestoreProgress) {
		if p.Problem != nil {
			problems[p.Path] = true
		}
	}})
	if errors.Is(err, repo.ErrIncomplete) != (len(lost) > 0) || errors.Is(err, repo.ErrDamaged) != (len(lost) > 0) || len(lost) != len(problems) {
		t.Errorf("restore: %v, problems %v; check named %v", err, problems, lost)
	}
	for p := range lost {
		if !problems[p] {
			t.Errorf("restore does not name %q, problems %v", p, problems)
		}
	}
	for p, file := range want {
		got, err := os.ReadFile(filepath.Join(out, p))
		switch {
		case isLost(p) && err == nil:
			t.Errorf("%s was restored, though check said that it is lost", p)
		case !isLost(p) && (err != nil || !bytes.Equal(got, file.Data)):
			t.Errorf("%s: %d bytes, %v; want %d", p, len(got), err, len(file.Data))
		}
	}
}
