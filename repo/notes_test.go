package repo_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// notedTree is version v of a tree of which a cache and files that are too large are
// left out.
func notedTree(v int) fstest.MapFS {
	files := rollingTree(v)
	files["d1/cache/CACHEDIR.TAG"] = &fstest.MapFile{Data: []byte("Signature: 8a477f597d28d172789f06886806bc55"), Mode: 0o644}
	files["d1/cache/thing"] = &fstest.MapFile{Data: randomBytes(1, 100), Mode: 0o644}
	for i := range 40 + v {
		files[fmt.Sprintf("d%d/large%d", i%5, i)] = &fstest.MapFile{Data: make([]byte, 70_000), Mode: 0o644}
	}
	return files
}

func (f *fixture) notedVersion(v int) *snapshot.Manifest {
	return f.snapshot(repo.FromFS(notedTree(v), "/x"), repo.SnapshotOptions{SkipCaches: true, MaxFileSize: new(int64(60_000))})
}

// notes returns a snapshot's notes, as a program reads them that opens the repository.
func (f *fixture) notes(m *snapshot.Manifest) (out []snapshot.Note) {
	f.t.Helper()
	for n, err := range f.View(m).Notes(f.t.Context()) {
		if err != nil {
			f.t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

func TestASnapshotNotesWhatItsRulesCanNotRepeat(t *testing.T) {
	f := newFixture(t)
	m := f.notedVersion(0)
	notes := f.notes(m)
	if len(notes) != 41 || m.Skipped.Total != 41 {
		t.Errorf("%d notes, %d skipped: %q", len(notes), m.Skipped.Total, notes)
	}
	for _, want := range []struct {
		path string
		kind snapshot.NoteKind
	}{{"d1/cache", snapshot.NoteCache}, {"d0/large0", snapshot.NoteSize}} {
		if !slices.ContainsFunc(notes, func(n snapshot.Note) bool { return n.Path == want.path && n.Kind == want.kind }) {
			t.Errorf("no note %s on %s: %q", want.kind, want.path, notes)
		}
	}
	if m.Rules == nil || !m.Rules.SkipCaches || m.Rules.MaxFileSize != 60_000 {
		t.Errorf("rules: %+v", m.Rules)
	}
}

// Prune, copies, twins and replicas treat notes as they treat the rest of a snapshot.
func TestNotesGoWhereTheirSnapshotGoes(t *testing.T) {
	f := newFixtureOn(t, &targettest.Memory{})
	var all []*snapshot.Manifest
	for v := range 4 {
		all = append(all, f.notedVersion(v))
	}
	want := f.notes(all[3])
	if len(want) != 44 {
		t.Fatalf("%d notes", len(want))
	}
	if err := f.Forget(t.Context(), []snapshot.ID{all[0].ID, all[1].ID}); err != nil {
		t.Fatal(err)
	}
	zero := 0.0
	f.prune(repo.PruneOptions{MaxUnused: &zero})
	replica := &targettest.Memory{}
	if _, err := f.Replicate(t.Context(), replica, repo.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	twin := f.twin(&targettest.Memory{})
	f.copyTo(twin)
	other := newFixtureOn(t, &targettest.Memory{})
	f.copyTo(other)
	f.reopen()
	for name, at := range map[string]*fixture{"after a prune": f, "in a replica": f.at(replica), "in a twin": twin, "in another repository": other} {
		if report, err := at.Check(t.Context(), repo.CheckOptions{ReadData: true}); err != nil {
			t.Errorf("%s: check: %v, %+v", name, err, report.Findings)
		}
		copies := at.all()
		last := copies[len(copies)-1]
		if got := at.notes(last); !reflect.DeepEqual(got, want) || !reflect.DeepEqual(last.Rules, all[3].Rules) {
			t.Errorf("%s: %d notes and rules %+v", name, len(got), last.Rules)
		}
	}
}

// Without its notes nobody knows what a snapshot has left out. Check names them, and the
// repaired snapshot doesn't pretend to know.
func TestLostNotesAreNamedAndNotTakenForNone(t *testing.T) {
	mem := &targettest.Memory{}
	f := newFixtureOn(t, mem)
	f.snapshot(repo.FromFS(rollingTree(0), "/x"), repo.SnapshotOptions{})
	before := mem.Objects()
	large := rollingTree(0)
	large["d1/large"] = &fstest.MapFile{Data: make([]byte, 70_000), Mode: 0o644}
	m := f.snapshot(repo.FromFS(large, "/x"), repo.SnapshotOptions{MaxFileSize: new(int64(60_000))})
	for name := range mem.Objects() {
		// Beside the first snapshot's trees, the second one has nothing but its notes.
		if _, old := before[name]; !old && strings.HasPrefix(name, "packs/") {
			if err := mem.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.reopen()
	report, err := f.Check(t.Context(), repo.CheckOptions{})
	if !errors.Is(err, repo.ErrDamaged) || !slices.ContainsFunc(report.Findings, func(x repo.Finding) bool {
		return slices.ContainsFunc(x.Files, func(a repo.AffectedFile) bool { return a.Snapshot == m.ID && strings.Contains(a.Path, "notes") })
	}) {
		t.Errorf("check: %v, %+v", err, report)
	}
	if _, err := f.Maintenance().RepairIndex(t.Context()); err != nil {
		t.Fatal(err)
	}
	repaired, err := f.Maintenance().RepairSnapshots(t.Context(), nil, repo.SnapshotRepairOptions{Forget: true})
	if err != nil || len(repaired) != 1 || repaired[0].Repaired == nil {
		t.Fatalf("repair: %+v, %v", repaired, err)
	}
	next := repaired[0].Repaired
	if !next.Notes.IsZero() || next.Rules != nil || next.Skipped.Complete() {
		t.Errorf("the repaired snapshot has notes %s, rules %+v, and says that it names all it left out: %v", next.Notes, next.Rules, next.Skipped.Complete())
	}
	f.reopen()
	f.clean()
	sameTree(t, f.Repo, next, rollingTree(0))
}
