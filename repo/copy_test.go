package repo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// newSmallFixture is a repository in which a small tree takes several packs.
func newSmallFixture(t testing.TB, mem target.Target) *fixture {
	t.Helper()
	f := &fixture{t: t, target: mem, key: testKey(t), cache: t.TempDir()}
	r, err := repo.Init(context.Background(), mem, f.key, crashInit(f.cache))
	if err != nil {
		t.Fatal(err)
	}
	f.Repo = r
	t.Cleanup(func() { f.Repo.Close() })
	return f
}

// smallTree is version v of a tree that takes two packs of data, of which half a
// version's files are in the one before.
func smallTree(v int) fstest.MapFS {
	files := fstest.MapFS{}
	for i := range 4 {
		seed := uint64(i)
		if i%2 == v%2 {
			seed = uint64(100*v + i)
		}
		files[fmt.Sprintf("d%d/f%d", i/2, i)] = &fstest.MapFile{Data: randomBytes(seed, 250_000+60_000*i), Mode: 0o644, ModTime: time.Unix(int64(seed)+1e9, 0)}
	}
	return files
}

// twin makes a twin of the fixture.
func (f *fixture) twin(tgt target.Target) *fixture {
	f.t.Helper()
	if err := f.Maintenance().MakeTwin(context.Background(), tgt); err != nil {
		f.t.Fatal(err)
	}
	return f.at(tgt)
}

// at opens another repository with the same key.
func (f *fixture) at(tgt target.Target) *fixture {
	f.t.Helper()
	g := &fixture{t: f.t, target: tgt, key: f.key, cache: f.cache}
	r, err := repo.Open(context.Background(), tgt, g.key, repo.Options{CacheDir: g.cache})
	if err != nil {
		f.t.Fatal(err)
	}
	g.Repo = r
	f.t.Cleanup(func() { g.Repo.Close() })
	return g
}

func (f *fixture) all() []*snapshot.Manifest {
	f.t.Helper()
	all, err := f.Snapshots(context.Background(), repo.Filter{})
	if err != nil {
		f.t.Fatal(err)
	}
	return all
}

// copyTo copies all snapshots.
func (f *fixture) copyTo(g *fixture) repo.CopyReport {
	f.t.Helper()
	report, err := f.Copy(context.Background(), g.Repo, f.all(), repo.CopyOptions{})
	if err != nil {
		f.t.Fatal(err)
	}
	return report
}

// versions takes snapshots of so many versions of the small tree.
func (f *fixture) versions(n int) (all []*snapshot.Manifest) {
	for v := range n {
		all = append(all, f.snapshot(repo.FromFS(smallTree(v), "/x"), repo.SnapshotOptions{}))
	}
	return all
}

func ids(all []*snapshot.Manifest) (out []string) {
	for _, m := range all {
		out = append(out, m.ID.String())
	}
	return out
}

func TestACopyInATwinIsTheSameSnapshotInTheSamePacks(t *testing.T) {
	f := newSmallFixture(t, &targettest.Memory{})
	all := f.versions(4)
	mem := &targettest.Memory{}
	g := f.twin(mem)
	report := f.copyTo(g)
	if report.Copied != 4 || report.Failed+report.Skipped != 0 || report.Blobs != 0 || report.PacksMoved == 0 {
		t.Errorf("%+v", report)
	}
	source := f.target.(*targettest.Memory).Objects()
	for name, b := range mem.Objects() {
		if (strings.HasPrefix(name, "packs/") || strings.HasPrefix(name, "snapshots/")) && string(source[name]) != string(b) {
			t.Errorf("%s is not as in the original", name)
		}
	}
	if got := ids(g.all()); !slices.Equal(got, ids(all)) {
		t.Errorf("%v, want %v", got, ids(all))
	}
	if packs, _ := stored(mem, "packs/"); packs != int(report.PacksMoved) {
		t.Errorf("%d packs, %d were moved", packs, report.PacksMoved)
	}
	g.clean()
	g.reopen()
	for v, m := range g.all() {
		sameTree(t, g.Repo, m, smallTree(v))
	}
	// It lives on its own from now on.
	if _, err := g.Snapshot(t.Context(), repo.FromFS(smallTree(9), "/x"), repo.SnapshotOptions{}); err != nil {
		t.Fatal(err)
	}
	g.prune(repo.PruneOptions{})
	g.clean()
}

func TestACopyElsewhereHasTheSameFilesAndAChainOfItsOwn(t *testing.T) {
	f := newSmallFixture(t, &targettest.Memory{})
	all := f.versions(3)
	if err := f.Catalog().Tag(t.Context(), all[1].ID, []string{"good"}); err != nil {
		t.Fatal(err)
	}
	g := newFixture(t)
	own := g.snapshot(repo.FromFS(smallTree(7), "/x"), repo.SnapshotOptions{})
	if report := f.copyTo(g); report.Copied != 3 || report.PacksMoved != 0 {
		t.Errorf("%+v", report)
	}
	g.clean()
	g.reopen()
	previous := own
	for v, was := range f.all() {
		i := slices.IndexFunc(g.all(), func(m *snapshot.Manifest) bool { return m.Original == was.ID })
		if i < 0 {
			t.Fatalf("version %d is not there", v)
		}
		m := g.all()[i]
		if m.Previous != previous.ID || m.Number != previous.Number+1 || !m.Start.Equal(was.Start) || !slices.Equal(m.Tags, was.Tags) || m.Stats != was.Stats {
			t.Errorf("version %d: %+v", v, m)
		}
		if v > 0 && m.Parent != previous.ID {
			t.Errorf("version %d: its parent is %s, not %s", v, m.Parent.Short(), previous.ID.Short())
		}
		sameTree(t, g.Repo, m, smallTree(v))
		previous = m
	}
	// The next of its own follows the copies, and shares with them what it can.
	if next := g.snapshot(repo.FromFS(smallTree(2), "/x"), repo.SnapshotOptions{}); next.Previous != previous.ID {
		t.Errorf("%s follows %s, not %s", next.ID.Short(), next.Previous.Short(), previous.ID.Short())
	}
}

// A copy keeps any tree: many names, huge files, holes, links, and notes of unread files.
func TestACopyElsewhereKeepsWhateverATreeHas(t *testing.T) {
	files := fstest.MapFS{"huge": {Data: randomBytes(1, 9_000_000)}, "empty": {}, "empty-dir": {Mode: fs.ModeDir | 0o700}}
	for i := range 3000 {
		files[fmt.Sprintf("many/%d", i)] = &fstest.MapFile{Data: fmt.Append(nil, i), Mode: 0o644}
	}
	f := newSmallFixture(t, &targettest.Memory{})
	f.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{})
	g := newSmallFixture(t, &targettest.Memory{})
	f.copyTo(g)
	compare := func() {
		t.Helper()
		for _, was := range f.all() {
			i := slices.IndexFunc(g.all(), func(m *snapshot.Manifest) bool { return m.Original == was.ID })
			is := g.all()[i]
			want, got := f.entries(was), g.entries(is)
			if len(got) != len(want) {
				t.Fatalf("%d entries, not %d", len(got), len(want))
			}
			for i, a := range want {
				b := got[i]
				if a.path != b.path || a.Size != b.Size || a.Mode != b.Mode || a.MTime != b.MTime ||
					len(a.Content) != len(b.Content) || a.List.IsZero() != b.List.IsZero() {
					t.Fatalf("%s %+v\n%s %+v", a.path, a.Entry, b.path, b.Entry)
				}
			}
		}
		g.clean()
	}
	compare()
	// A version in which a little has changed is made against the one before.
	files["many/1500"] = &fstest.MapFile{Data: []byte("changed"), Mode: 0o644}
	files["huge"] = &fstest.MapFile{Data: append(randomBytes(1, 9_000_000), randomBytes(2, 100_000)...)}
	files["new/a/b"] = &fstest.MapFile{Data: []byte("new")}
	delete(files, "many/7")
	f.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{})
	f.reopen()
	g.reopen()
	report := f.copyTo(g)
	if report.BytesRead > 1_000_000 {
		t.Errorf("read %d bytes for a small change", report.BytesRead)
	}
	compare()
}

// Copies and snapshots of its own have all chunks in common where a repository cuts
// files as the one does that they come from.
func TestChunksAreSharedWithCopiesWhereFilesAreCutAlike(t *testing.T) {
	files := fstest.MapFS{"large": {Data: randomBytes(1, 3_000_000)}, "small": {Data: randomBytes(2, 30_000)}}
	f := newSmallFixture(t, &targettest.Memory{})
	f.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{})
	for _, alike := range []bool{true, false} {
		g := &fixture{t: t, target: &targettest.Memory{}, key: testKey(t), cache: t.TempDir()}
		o := repo.InitOptions{Options: repo.Options{CacheDir: g.cache}}
		if alike {
			o.Like = f.Repo
		}
		r, err := repo.Init(t.Context(), g.target, g.key, o)
		if err != nil {
			t.Fatal(err)
		}
		g.Repo = r
		f.copyTo(g)
		m := g.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{ReadAll: true})
		if alike != (m.Stats.DataBlobs == 0) || m.Stats.DataAdded > 3_000_000 { // the small one is shared in any case
			t.Errorf("cut alike: %v: %+v", alike, m.Stats)
		}
		g.Close()
	}
}

func TestCopyingAgainPutsNothing(t *testing.T) {
	f := newSmallFixture(t, &targettest.Memory{})
	f.versions(3)
	for name, g := range map[string]*fixture{"twin": f.twin(&targettest.Memory{}), "elsewhere": newFixture(t)} {
		f.copyTo(g)
		mem := g.target.(*targettest.Memory)
		before := mem.Objects()
		for range 2 {
			if report := f.copyTo(g); report.Copied != 0 || report.Skipped != 3 || report.BytesRead != 0 {
				t.Errorf("%s: %+v", name, report)
			}
			f.reopen()
			g.reopen()
		}
		if after := mem.Objects(); !maps.EqualFunc(before, after, func(a, b []byte) bool { return string(a) == string(b) }) {
			t.Errorf("%s: %d objects instead of %d", name, len(after), len(before))
		}
	}
}

func TestTheProgressOfACopyCountsTheSnapshotsThatWereMissing(t *testing.T) {
	f := newSmallFixture(t, &targettest.Memory{})
	first := f.versions(1)
	g := newFixture(t)
	f.copyTo(g)
	f.versions(3)
	var seen []repo.CopyProgress
	report, err := f.Copy(t.Context(), g.Repo, f.all(), repo.CopyOptions{Progress: func(p repo.CopyProgress) { seen = append(seen, p) }})
	if err != nil || report.Copied != 3 || report.Skipped != int64(len(first)) {
		t.Fatalf("%+v, %v", report, err)
	}
	var done, copies int64
	for i, p := range seen {
		if p.Phase != repo.PhaseCopy || p.Unit != repo.UnitSnapshots || p.Total != 3 || p.Done < done || p.Finished != (i == len(seen)-1) {
			t.Errorf("call %d of %d: %+v after %d", i, len(seen), p, done)
		}
		done = p.Done
		if p.Copy != nil {
			copies++
			if p.Done != copies || p.Current == nil || p.Copy.Original != p.Current.ID {
				t.Errorf("copy %d: %+v", copies, p)
			}
		}
	}
	if last := seen[len(seen)-1]; last.Done != 3 || copies != 3 || last.Report != report {
		t.Errorf("%d copies, at last %+v", copies, last)
	}
}

func TestCopyRefusesARepositoryAsItsOwnDestination(t *testing.T) {
	f := newSmallFixture(t, &targettest.Memory{})
	f.versions(1)
	if _, err := f.Copy(t.Context(), f.at(f.target).Repo, f.all(), repo.CopyOptions{}); err == nil || !strings.Contains(err.Error(), "the same repository") {
		t.Errorf("%v", err)
	}
}

func TestATwinIsMadeOnlyWhereNothingElseIs(t *testing.T) {
	f := newSmallFixture(t, &targettest.Memory{})
	other := newFixture(t)
	before := other.target.(*targettest.Memory).Objects()
	if err := f.Maintenance().MakeTwin(t.Context(), other.target); !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v", err)
	}
	foreign := &targettest.Memory{}
	foreign.Set("config", []byte("this is something else altogether, and long enough for a header"))
	if err := f.Maintenance().MakeTwin(t.Context(), foreign); !errors.Is(err, repo.ErrNoRepository) || len(foreign.Objects()) != 1 {
		t.Errorf("%v", err)
	}
	if len(before) != len(other.target.(*targettest.Memory).Objects()) {
		t.Error("it left something")
	}
}

// Making a twin may crash anywhere, and can simply be done again.
func TestACrashWhileMakingATwinLeavesNoneOrAWholeOne(t *testing.T) {
	f := newSmallFixture(t, &targettest.Memory{})
	f.versions(1)
	for _, fault := range []targettest.Fault{targettest.Crash, targettest.CrashAfter} {
		for n, done := 1, false; !done; n++ {
			done = true
			broken := &targettest.Faulty{Memory: &targettest.Memory{}, Decide: func(op targettest.Op) targettest.Fault {
				if op.N != n {
					return targettest.None
				}
				done = false
				return fault
			}}
			err := f.Maintenance().MakeTwin(t.Context(), broken)
			if done != (err == nil) {
				t.Fatalf("fault %d at operation %d: %v", fault, n, err)
			}
			g := f.twin(broken.Memory)
			if report := f.copyTo(g); report.PacksMoved == 0 || report.Blobs != 0 {
				t.Errorf("fault %d at operation %d: %+v", fault, n, report)
			}
			g.clean()
		}
	}
}

// A snapshot that was rewritten is not the one it was made from: both are copied.
func TestARewrittenSnapshotAndItsOriginalAreCopiedBoth(t *testing.T) {
	f := newSmallFixture(t, &targettest.Memory{})
	first := f.versions(1)[0]
	next, err := f.Maintenance().Rewrite(t.Context(), first.ID, repo.RewriteOptions{Exclude: []string{"d0"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, g := range map[string]*fixture{"twin": f.twin(&targettest.Memory{}), "elsewhere": newFixture(t)} {
		if _, err := f.Copy(t.Context(), g.Repo, []*snapshot.Manifest{next}, repo.CopyOptions{}); err != nil {
			t.Fatal(err)
		}
		if report := f.copyTo(g); report.Copied != 1 || report.Skipped != 1 || len(g.all()) != 2 {
			t.Errorf("%s: %+v", name, report)
		}
		g.clean()
	}
}
